//! Why a transaction of a service failed. `runtime::policy` defines the reaction to each error.

use minuet_envelope::EncodeError;

/// A transaction that failed.
#[derive(Debug, thiserror::Error)]
pub enum ReactError {
    /// The database failed; the source says how.
    #[error("database error (its source says which)")]
    Database(#[from] sqlx::Error),
    /// Another transaction created the row, or changed its version, first. The transaction starts again and reads the
    /// other's result.
    #[error("another transaction was first to create or to change a row of {table}")]
    LostRace {
        /// The table.
        table: &'static str,
    },
    /// An event of the service does not fit its schema.
    #[error("an event cannot be encoded")]
    Encode(#[from] EncodeError),
    /// A row holds a value that its type cannot represent: a bug, or a manual change of the table.
    #[error("{table} holds a value that cannot be: {detail}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// These shards belong to another instance now.
    #[error("shards {0:?} belong to another instance")]
    Fenced(Vec<u32>),
    /// The service's code panicked, with this message.
    #[error("the code panicked: {0}")]
    Panic(String),
    /// The service decided something that its state does not allow. The text names the row and the contradiction.
    #[error("a bug in the service: {0}")]
    Bug(String),
}
