//! Why a transaction of a service failed. `runtime::policy` says what follows from each.

use minuet_envelope::EncodeError;

/// A transaction that failed.
#[derive(Debug, thiserror::Error)]
pub enum ReactError {
    #[error("database error (its source says which)")]
    Database(#[from] sqlx::Error),
    /// Two transactions wanted to create the same row, or to change the same version of it: the later one starts again and
    /// finds what the other left.
    #[error("another transaction was first to create or to change a row of {table}")]
    LostRace { table: &'static str },
    #[error("an event cannot be encoded")]
    Encode(#[from] EncodeError),
    /// A row holds what the types cannot: a bug, or a hand in the tables.
    #[error("{table} holds a value that cannot be: {detail}")]
    Corrupt { table: &'static str, detail: String },
    /// The shards that another instance has taken.
    #[error("shards {0:?} belong to another instance")]
    Fenced(Vec<u32>),
    #[error("the code panicked: {0}")]
    Panic(String),
    /// The service contradicts itself: it decided what the state does not allow. Names the row and the contradiction.
    #[error("a bug in the service: {0}")]
    Bug(String),
}
