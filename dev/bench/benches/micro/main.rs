//! The parts of an order's way, each by itself: `cargo bench -p minuet-bench`, or `-- decide` for those whose name has it in it.
//! `cargo test` runs each once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use criterion::{criterion_group, criterion_main};

mod decide;
mod events;
#[path = "../../../../events/tests/contract/samples.rs"]
#[allow(dead_code, reason = "shared with the tests of the contract")]
mod samples;
mod statements;
mod story;

criterion_group!(
    parts,
    decide::orders,
    decide::reservations,
    decide::payments,
    events::codec,
    events::headers,
    events::derived,
    statements::tables
);
criterion_main!(parts);
