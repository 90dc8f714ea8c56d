//! The folds over logs in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

#[path = "../shop/mod.rs"]
mod shop;

mod shadow;
mod verify;
