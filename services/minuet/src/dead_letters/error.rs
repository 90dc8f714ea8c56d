use std::io;

use minuet_messaging::DatabaseError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeadLettersError {
    #[error("{service}.database_url cannot be used")]
    Open { service: &'static str, source: DatabaseError },
    #[error("the parked events of {service} cannot be read; is its database up and migrated?")]
    Database { service: &'static str, source: minuet_messaging::QueryError },
    #[error("{service} has no parked event {id}; one that was redriven is gone (`minuet dead-letters list`)")]
    Unknown { service: &'static str, id: i64 },
    #[error("event {id} of {service} was discarded before")]
    Discarded { service: &'static str, id: i64 },
    #[error("{left} of {all} events are still parked")]
    Left { left: usize, all: usize },
    #[error("the answer cannot be written")]
    Write(#[source] io::Error),
}
