//! The stack against real servers: what it starts, what survives, and what does not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod compose;
mod jdk;
mod killed;
mod servers;
mod support;
