//! The files under `.minuet/` that are not the servers' own: where everything listens, the secret of the development
//! tokens, and whether the demo was played.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use uuid::Uuid;

use crate::settings::{ENDPOINTS, JWT_SECRET};

const DEMO: &str = "demo-played";
const WEBHOOK_SECRET: &str = "webhook-secret";
const LEDGER: &str = "payment-provider.jsonl";

#[derive(Debug, thiserror::Error)]
pub(crate) enum UpError {
    #[error(transparent)]
    Stack(#[from] minuet_stack::StackError),
    #[error("{path} cannot be used")]
    File { path: PathBuf, source: io::Error },
    #[error("{service} is not ready after {seconds} s: {said}")]
    NotReady { service: &'static str, seconds: u64, said: String },
    #[error("{service} ended by itself")]
    Ended { service: &'static str },
    #[error("the page of the meters cannot be served")]
    Metrics(#[source] minuet_http::BindError),
    #[error(transparent)]
    Traces(#[from] minuet_traces::ReceiverError),
    #[error("127.0.0.1:{port} cannot be listened on")]
    Port { port: u16, source: io::Error },
}

/// What `.minuet/endpoints.json` says. Other programs rely on these names.
#[derive(Debug, Serialize)]
pub(super) struct Endpoints {
    pub(super) gateway: String,
    pub(super) kafka: String,
    pub(super) registry: String,
    /// What stands before the name of every topic.
    pub(super) topic_prefix: String,
    pub(super) databases: BTreeMap<&'static str, String>,
    pub(super) services: BTreeMap<&'static str, String>,
    /// The meters of all services, as Prometheus reads them.
    pub(super) metrics: String,
    /// Where traces are shown. Null: they are sent elsewhere, as the settings or the environment say.
    pub(super) telemetry: Option<String>,
    /// The simulated provider's hosted pages: `/pay/{payment_id}`.
    pub(super) provider: Option<String>,
}

pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn at(folder: &Path) -> Self {
        Files { folder: folder.to_owned() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The simulated provider's books.
    pub(super) fn ledger(&self) -> PathBuf {
        self.folder.join(LEDGER)
    }

    /// Drawn once, so that a token outlives a restart.
    pub(super) fn secret(&self) -> Result<String, UpError> {
        let path = self.folder.join(JWT_SECRET);
        match fs::read_to_string(&path) {
            Ok(secret) => Ok(secret.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
                self.keep(JWT_SECRET, &secret)?;
                Ok(secret)
            }
            Err(source) => Err(UpError::File { path, source }),
        }
    }

    /// The file of the secret by which the simulated provider signs its webhooks to the gateway: another one at each start.
    pub(super) fn webhook_secret(&self) -> Result<PathBuf, UpError> {
        self.keep(WEBHOOK_SECRET, &format!("whsec_{}", Uuid::new_v4().simple()))?;
        Ok(self.folder.join(WEBHOOK_SECRET))
    }

    pub(super) fn write(&self, endpoints: &Endpoints) -> Result<(), UpError> {
        let text = serde_json::to_string_pretty(endpoints)
            .map_err(|e| UpError::File { path: self.folder.join(ENDPOINTS), source: e.into() })?;
        self.keep(ENDPOINTS, &text)
    }

    /// Nothing listens there any more.
    pub(super) fn forget(&self) {
        // If it is not there, it is forgotten.
        drop(fs::remove_file(self.folder.join(ENDPOINTS)));
    }

    pub(super) fn demo_was_played(&self) -> bool {
        self.folder.join(DEMO).exists()
    }

    pub(super) fn remember_demo(&self) -> Result<(), UpError> {
        self.keep(DEMO, "The demo's catalogue and orders are in the topics. `make clean` removes them.\n")
    }

    /// Whole or not at all, and for its owner's eyes only: there are passwords in it.
    fn keep(&self, name: &str, text: &str) -> Result<(), UpError> {
        let (path, draft) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&draft, &path));
        written.map_err(|source| UpError::File { path, source })
    }
}
