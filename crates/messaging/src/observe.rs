//! Observability of a service: health, meters, spans.

pub(crate) mod domain_spans;
pub(crate) mod health;
pub(crate) mod meters;
pub(crate) mod processing;
pub(crate) mod progress;
pub(crate) mod spans;
