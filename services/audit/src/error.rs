use std::io;
use std::path::PathBuf;

use minuet_events::ResolveError;
use minuet_events::values::OrderId;
use minuet_http::BindError;
use minuet_messaging::{DatabaseError, ReactError, ReadError, ServiceError};

/// What hinders an audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("no topic begins with {prefix:?}: is the topic prefix right, and do the topics exist?")]
    NoTopics { prefix: String },
    #[error("there is no topic {topic}")]
    NoTopic { topic: String },
    #[error("a message cannot be read without the schema registry")]
    Registry(#[from] ResolveError),
    #[error("the output cannot be written")]
    Write(#[source] io::Error),
    #[error("{} cannot be written", .path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("{position}: {detail} (--strict ends here)")]
    Strict { position: String, detail: String },
    #[error("the topics know nothing of the order {order}")]
    NoOrder { order: OrderId },
    #[error("the snapshot {} cannot be used: {detail}", .path.display())]
    Snapshot { path: PathBuf, detail: String },
    #[error("the database of {service} is not known: set {service}.database_url")]
    NoDatabase { service: &'static str },
    #[error(
        "the database is not empty: {service} is rebuilt into a fresh one, which `minuet migrate` has prepared"
    )]
    NotEmpty { service: &'static str },
    #[error("the service cannot be driven")]
    Service(#[from] ServiceError),
    #[error("the service cannot write to the database")]
    React(#[from] ReactError),
    #[error(transparent)]
    Connect(#[from] DatabaseError),
    #[error("a service's database cannot be asked")]
    Database(#[from] sqlx::Error),
    #[error("the metrics cannot be shown")]
    Metrics(#[source] io::Error),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the reading threads ended before their time")]
    Ended,
}

impl AuditError {
    /// A reader that went away (`| head`) is no failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, AuditError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
