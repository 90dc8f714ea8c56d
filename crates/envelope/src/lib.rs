//! Everything about an event that is not its record. Pure: no I/O, no clock, no randomness.
//!
//! An event on Kafka is a record (its value) with CloudEvents headers in binary mode ([`Envelope`]). Ids, shards and traces
//! are pure functions of their cause ([`ids`], [`partition`], [`TraceContext`]): a second decision about the same event
//! gives the same bytes. That is how a duplicate is recognised, and how a replay is compared with the record.
//!
//! Which events there are is not said here. A set of events implements [`Contract`] and names its kinds by [`EventKind`];
//! the messaging library is generic over both.

#![warn(missing_docs)]

pub mod contract;
pub mod envelope;
mod headers;
pub mod ids;
mod invalid;
mod micros;
mod park_reason;
pub mod partition;
pub mod trace;
pub mod validity;
mod value_error;

pub use contract::{Contract, DecodeError, EncodeError, EventKind, ParkedMessage, ResolveError};
pub use envelope::{Envelope, EnvelopeError, EnvelopeRef};
pub use headers::{HEADERS, HeaderField, Headers};
pub use micros::Micros;
pub use park_reason::ParkReason;
pub use trace::TraceContext;
pub use value_error::{ValueError, parse_uuid};
