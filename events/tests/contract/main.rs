//! The contract as others see it: bytes, names, ids and limits that must not change by accident.

#![allow(
    clippy::unwrap_used,
    reason = "clippy takes only functions marked #[test] for tests, and these help them"
)]

mod decoding;
mod envelope;
mod golden;
mod ids;
mod partition;
mod records;
mod registry;
mod registry_stub;
mod resolution;
mod samples;
mod trace;
mod validity;
mod values;
