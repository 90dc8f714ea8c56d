use std::io;
use std::path::PathBuf;

use minuet_events::RegistryError;
use minuet_events::values::ValueError;
use minuet_messaging::topics::TopicsError;
use minuet_messaging::{DatabaseError, PublishError, ReadError};

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("the receiver of traces cannot be started")]
    Traces(#[from] minuet_traces::ReceiverError),
    #[error("the books do not balance, so there are no figures:{}", .broken.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    Books { broken: Vec<String> },
    #[error("{path} cannot be used")]
    File { path: PathBuf, source: io::Error },
    #[error("{path} is not what it should be ({takes})")]
    Json { path: PathBuf, takes: &'static str, source: serde_json::Error },
    #[error("{option} takes one run: give one --sampling ratio at most")]
    OneRun { option: &'static str },
    #[error("{path} holds no figures: --compare takes what --json printed")]
    NoFigures { path: PathBuf },
    #[error("the figures cannot be written as JSON")]
    Figures(#[source] serde_json::Error),
    #[error("{path} names no database of {service}")]
    NoDatabase { path: PathBuf, service: &'static str },
    #[error(
        "services work on the databases of {path} already ({found}): stop them, or give databases of the benchmark's own"
    )]
    InUse { path: PathBuf, found: String },
    #[error(transparent)]
    Stack(#[from] minuet_stack::StackError),
    #[error("the database of {service} cannot be used")]
    Database { service: &'static str, source: DatabaseError },
    #[error("a database does not answer")]
    Query(#[from] sqlx::Error),
    #[error(transparent)]
    Topics(#[from] TopicsError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the topics cannot be read")]
    Read(#[from] ReadError),
    #[error("the workload's own data are wrong")]
    Data(#[from] ValueError),
    #[error("an order could not be submitted")]
    Publish(#[from] PublishError),
    #[error("the gateway at {url} did not answer")]
    Gateway { url: String, source: reqwest::Error },
    #[error("the gateway answered {status}: {body}")]
    Refused { status: u16, body: String },
    #[error("no token can be made")]
    Token(#[from] minuet_identity::TokenError),
    #[error("{what} cannot be started")]
    Start { what: String, source: io::Error },
    #[error("the program under test ended by itself ({status}); the end of {log}:\n{tail}")]
    Ended { status: String, log: PathBuf, tail: String },
    #[error("{what} did not happen within {seconds} s{detail}")]
    Late { what: &'static str, seconds: u64, detail: String },
    #[error("nothing is known of process {pid}")]
    Process { pid: u32, source: io::Error },
    #[error("perf ended with {status}; is it installed, and may it record?")]
    Perf { status: String },
    #[error("a part of the benchmark ended before its time")]
    Interrupted(#[from] tokio::task::JoinError),
}
