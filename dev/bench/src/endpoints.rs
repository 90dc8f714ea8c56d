use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::BenchError;

/// Where the servers are: the part of `.minuet/endpoints.json` that a benchmark needs.
#[derive(Clone, Deserialize)]
pub(crate) struct Endpoints {
    pub(crate) kafka: String,
    pub(crate) registry: String,
    pub(crate) databases: BTreeMap<String, String>,
}

impl Endpoints {
    pub(crate) fn read(path: &Path) -> Result<Self, BenchError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| BenchError::File { path: path.to_owned(), source })?;
        let takes = "kafka, registry and databases, as in .minuet/endpoints.json";
        serde_json::from_str(&text).map_err(|source| BenchError::Json {
            path: path.to_owned(),
            takes,
            source,
        })
    }

    pub(crate) fn database(&self, path: &Path, service: &'static str) -> Result<String, BenchError> {
        let missing = || BenchError::NoDatabase { path: path.to_owned(), service };
        self.databases.get(service).cloned().ok_or_else(missing)
    }
}
