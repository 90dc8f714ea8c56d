//! The running service: consumer, batches, relay and background tasks.

pub(crate) mod acquirer;
pub(crate) mod batch;
pub(crate) mod decode;
pub(crate) mod fold;
pub(crate) mod gaps;
pub(crate) mod group;
pub(crate) mod handler;
pub(crate) mod policy;
pub(crate) mod positions;
pub(crate) mod progress_watch;
pub(crate) mod relay;
pub(crate) mod retention;
pub(crate) mod service;
pub(crate) mod sweeper;
pub(crate) mod topic_watch;
