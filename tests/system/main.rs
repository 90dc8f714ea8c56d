//! Whole-system tests: real Kafka, real PostgreSQL, a real schema registry; each test an installation of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod audit;
mod bad_messages;
mod bench;
mod broker;
mod calls;
mod chaos;
mod cli;
mod contention;
mod crossings;
mod database;
mod dead_letters;
mod endings;
mod expected_total;
mod hosted_page;
mod http;
mod loyalty;
mod meters;
mod minor_units;
mod names;
mod outbox;
mod outcomes;
mod oversized;
mod pooler;
mod positions;
mod progress;
mod provider_webhooks;
mod refunds_in_parts;
mod relay;
mod repetition;
mod statements;
mod store;
mod sweeping;
mod takeover;
mod times;
mod traces;
