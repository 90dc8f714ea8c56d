//! What whole-system tests share: one running stack of real servers per test process, and of each test a [`World`] of its
//! own, with its own topic prefix, consumer groups and databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test's harness fails by panicking"
)]

mod api;
mod books;
mod metrics;
mod processes;
mod program;
mod provider;
mod service;
mod stack;
mod topic;
mod wait;
mod world;

pub use api::{Answer, Api};
pub use books::{assert_books_balance, books_of};
pub use metrics::Metrics;
pub use program::{Done, Folder, Minuet, Process, Server};
pub use provider::Provider;
pub use service::Running;
pub use stack::{Servers, segment, stack};
pub use topic::{Consumed, Raw, Topics};
pub use wait::until;
pub use world::{Options, SERVICES, Time, World, adjustment, product, submission};
