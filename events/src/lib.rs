//! The contract of Minuet: what lies on its topics, byte by byte.
//!
//! Every record has an Avro schema (`schemas/<Record>.avsc`), a Rust type of the same name, and one line in
//! [`event`]. A message is that record in Confluent's wire format ([`Codec`]) with CloudEvents headers in binary
//! mode ([`Envelope`]). Ids, shards and traces are pure functions of what caused them ([`ids`], [`partition`],
//! [`TraceContext`]): deciding the same event again gives the same bytes, so that a duplicate is recognised and
//! a replay can be compared with what was recorded.
//!
//! What a value type holds is valid ([`values`]): whatever comes from a topic is checked once, while it is
//! decoded, and nothing behind that checks it again. The same types read and write JSON, where an amount is a
//! decimal string, a time is RFC 3339, and raw bytes are hex.
//!
//! # Changing a schema
//!
//! Old bytes stay readable for ever: [`Codec`] decodes with the writer's schema and serde fills what is missing.
//! So a new field has a default in its schema and is an `Option` (or `serde(default)`) in Rust; an older build
//! passes it over. A record or field is never renamed. [`check_compatible`] holds the schemas against the
//! registered ones.

pub mod catalog;
pub mod codec;
mod datum;
pub mod event;
pub mod ids;
pub mod inventory;
pub mod names;
pub mod orders;
pub mod parking;
pub mod payments;
pub mod registry;
pub mod trace;
pub mod values;

pub use codec::Codec;
pub use event::{Event, EventType, Subject};
pub use minuet_envelope::{
    DecodeError, EncodeError, EnvelopeError, HEADERS, HeaderField, ResolveError, TraceContext, envelope,
    partition, validity,
};
pub use registry::{Incompatibility, RegistryError, check_compatible};

/// The declaration of all topics, `topics.yaml`, as this build was made with it.
pub const TOPICS: &str = include_str!("../../topics.yaml");

/// An event's headers.
pub type Envelope = minuet_envelope::Envelope<EventType>;
