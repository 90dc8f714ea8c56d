//! PostgreSQL: the tables of this library with their statements, and transactions over them. No Kafka client.

pub(crate) mod acknowledged;
pub(crate) mod connections;
pub(crate) mod contention;
pub(crate) mod context;
pub(crate) mod database;
pub(crate) mod dead_letters;
pub(crate) mod inbox;
pub(crate) mod migrations;
pub(crate) mod outage;
pub(crate) mod outbox;
pub(crate) mod outbox_event;
pub(crate) mod positions;
mod query;
pub(crate) mod relay_queue;
mod session;
pub(crate) mod shards;
pub(crate) mod skips;
pub(crate) mod statement;
pub(crate) mod stored_headers;
pub(crate) mod stored_span;
pub(crate) mod versioned;
