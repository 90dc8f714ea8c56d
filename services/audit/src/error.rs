use std::io;

use minuet_events::ResolveError;
use minuet_messaging::ReadError;

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
    #[error("{place}: {detail} (--strict ends here)")]
    Strict { place: String, detail: String },
    #[error("the reading threads ended before their time")]
    Ended,
}

impl AuditError {
    /// A reader that went away (`| head`) is no failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, AuditError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
