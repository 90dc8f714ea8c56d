//! How a service takes events in and gives events out.
//!
//! **What it promises.** A batch of events is one transaction in the service's own database: the inbox rows that claim the
//! events, the state that they change and the outbox rows that they cause commit together, or none does. An event that
//! arrives again finds its inbox row and changes nothing. Events of one key leave in the order in which their transactions
//! changed that key's row. An event that cannot be processed is set aside in `dead_letters` with its bytes and its reason.
//!
//! **Its state** lies in four tables of every service database: `inbox`, `outbox`, `dead_letters` and `shards`.
//!
//! **The way of a batch**: `consumer` polls and converts; `batch` decodes, fences, claims, calls the service's
//! [`Reactor`], appends to the outbox and commits; the offsets are stored after that; `relay` publishes what was committed
//! and deletes it once the broker has acknowledged it.
//!
//! **When things fail**, `policy` says what is retried, what is parked and what ends the process. A process that dies
//! between commit and offset gets the batch again and drops it by the inbox; one that dies between acknowledgement and
//! delete publishes the same bytes again under the same id. Who owns a shard is fenced by an epoch in the database
//! (`shards`), so an instance that wakes up late changes nothing.
//!
//! This is the only crate that knows rdkafka.

mod batch;
mod client;
mod clock;
mod consumer;
mod database;
mod dead_letters;
mod decode;
mod emission;
pub mod fault;
mod generations;
mod health;
pub mod http;
mod inbox;
mod incoming;
mod intake;
mod kafka;
mod lane;
mod meters;
mod outbox;
mod policy;
mod publisher;
mod query;
mod reaction;
mod reader;
mod relay;
mod retention;
mod service;
mod settings;
mod shards;
pub mod shown;
mod spans;
mod sweeper;
mod taker;
#[cfg(test)]
mod test_contract;
pub mod topics;
mod waiters;

pub use clock::Clock;
pub use database::{DatabaseError, STATEMENTS, connect, migrate};
pub use dead_letters::{
    DISCARD_REASON, DeadLetters, Letter, Outcome, Redriven, State, Which, Whole, discard_reason,
};
pub use emission::{Cause, Emission};
pub use health::{Counts, Dependency, Health};
pub use incoming::{Incoming, Position};
pub use lane::{Lane, Transaction};
pub use policy::ReactError;
pub use publisher::{PublishError, Publisher};
pub use reaction::{Content, Kind, Reacted, Reactor, Received, Refusal};
pub use reader::{Message, Partition, ReadError, Reader, Slice};
pub use retention::RetentionError;
#[doc(hidden)]
pub use service::ByHand;
pub use service::{Service, ServiceError, ServiceParts};
pub use settings::{Bounded, InRange, OutOfRange, Settings, out_of, sweeps_within_an_hour, within_a_month};
pub use spans::DomainSpans;
pub use sqlx::Error as QueryError;
pub use waiters::Waiters;
