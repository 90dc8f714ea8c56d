use std::path::PathBuf;

use minuet_messaging::PublishError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProduceError {
    #[error("{} cannot be read", .path.display())]
    Open { path: PathBuf, source: std::io::Error },
    #[error("the input cannot be read any further")]
    Read(#[source] std::io::Error),
    #[error("wrong lines, which were not sent: {lines}")]
    WrongLines { lines: u64 },
    #[error("line {line} is wrong; it and what follows was not sent (--keep-going skips wrong lines)")]
    WrongLine { line: u64 },
    #[error(
        "line {line} was not acknowledged, and what follows may be missing too; send it again under the same ce_id"
    )]
    NotAcknowledged { line: u64, source: PublishError },
}
