//! What the events of one order mean: how far the order has come, what it waits for, and from which service.
//!
//! Pure: [`OrderProgress`] is a fold over events, in whatever order a reader meets the events. The crate knows the contract and no
//! process. It repeats in [`RULES`] what the services' reaction tables promise; a test of the audit, which links the
//! services, holds the rules against those tables.

mod progress;
mod service;

pub use progress::{Awaited, OrderProgress, RULES, Rule, Stage, Types};
pub use service::Service;
