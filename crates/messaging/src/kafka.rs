//! Kafka: clients, settings, messages in and out. No database here.

pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod consumer;
pub(crate) mod fetch_buffer;
pub(crate) mod incoming;
pub(crate) mod publisher;
pub(crate) mod reader;
pub(crate) mod revocations;
