//! Kafka: clients, settings, incoming and outgoing messages. No database.

pub(crate) mod assignment;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod consumer;
pub(crate) mod cut;
pub(crate) mod fetch_buffer;
pub(crate) mod incoming;
pub(crate) mod original;
pub(crate) mod probe;
pub(crate) mod produce_batch;
pub(crate) mod producer;
pub(crate) mod publisher;
pub(crate) mod reader;
pub(crate) mod revocations;
pub(crate) mod topic_ids;

use std::time::Duration;

/// Upper bound of one request to the broker that a task waits for.
pub(crate) const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
