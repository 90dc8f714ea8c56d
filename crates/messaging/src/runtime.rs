//! The running service: consumer to batch to relay, and the tasks beside them.

pub(crate) mod acquirer;
pub(crate) mod batch;
pub(crate) mod decode;
pub(crate) mod fold;
pub(crate) mod handler;
pub(crate) mod policy;
pub(crate) mod relay;
pub(crate) mod retention;
pub(crate) mod service;
pub(crate) mod sweeper;
