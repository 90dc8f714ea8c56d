use minuet_messaging::{DatabaseError, QueryError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum PositionsError {
    #[error("{service}.database_url cannot be used")]
    Open { service: &'static str, source: DatabaseError },
    #[error("the positions of {service} cannot be read; is its database up and migrated?")]
    Database { service: &'static str, source: QueryError },
    #[error("{service} refuses {partitions} partitions: say --from database or --from group")]
    NoAnswer { service: &'static str, partitions: usize },
}
