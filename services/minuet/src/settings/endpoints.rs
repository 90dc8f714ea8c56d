//! `.minuet/endpoints.json`, which a running `minuet up` writes: with it, tools work from the checkout's root without any
//! configuration. The secret of its development tokens lies beside it, in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use minuet_text::json::JsonError;
use serde::Deserialize;

use super::problem::Problem;
use super::tree::{Source, Tree, Value};

pub(crate) const ENDPOINTS: &str = "endpoints.json";
pub(crate) const JWT_SECRET: &str = "jwt-secret";

/// Written by `minuet up`, read here and by anybody else: fields may be added.
#[derive(Deserialize)]
struct Endpoints {
    kafka: String,
    registry: String,
    databases: BTreeMap<String, String>,
}

pub(super) fn read(folder: &Path, tree: &mut Tree, problems: &mut Vec<Problem>) {
    let path = folder.join(ENDPOINTS);
    let source = Source::Up(path.clone());
    let Ok(text) = fs::read_to_string(&path) else { return };
    let read = minuet_text::json::parse(text.as_bytes())
        .and_then(|value| Endpoints::deserialize(value).map_err(JsonError::Syntax));
    let endpoints = match read {
        Ok(endpoints) => endpoints,
        Err(error) => {
            let detail = format!(
                "line {}: not what `minuet up` writes; remove it or start `minuet up` again",
                error.line()
            );
            return problems.push(Problem::Unreadable { source, detail });
        }
    };
    let mut set = |path: [&str; 2], value: String| {
        tree.insert(&path.map(str::to_owned), Value::Text(value), &source);
    };
    set(["kafka", "bootstrap.servers"], endpoints.kafka);
    set(["registry", "url"], endpoints.registry);
    for (service, url) in endpoints.databases {
        set([&service, "database_url"], url);
    }
    if let Ok(secret) = fs::read_to_string(folder.join(JWT_SECRET)) {
        set(["gateway", "jwt_secret"], secret.trim().to_owned());
    }
}
