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
//! [`BatchHandler`], appends to the outbox and commits; the offsets are stored after that; `relay` publishes what was committed
//! and deletes it once the broker has acknowledged it.
//!
//! **When things fail**, `policy` says what is retried, what is parked and what ends the process. A process that dies
//! between commit and offset gets the batch again and drops it by the inbox; one that dies between acknowledgement and
//! delete publishes the same bytes again under the same id. Who owns a shard is fenced by an epoch in the database
//! (`shards`), so an instance that wakes up late changes nothing.
//!
//! This is the only crate that knows rdkafka.

#![warn(missing_docs)]

mod clock;
mod error;
pub mod failpoint;
mod http;
pub mod json;
mod kafka;
mod observe;
mod runtime;
mod settings;
mod statements;
mod store;
#[cfg(test)]
mod test_contract;
pub mod topics;
mod waiters;

pub use clock::Clock;
pub use error::ReactError;
pub use kafka::incoming::{Incoming, Position};
pub use kafka::publisher::{PublishError, Publisher};
pub use kafka::reader::{Message, Partition, ReadError, Reader, Slice};
pub use minuet_envelope::ParkReason;
pub use observe::domain_spans::DomainSpans;
pub use observe::health::{Counts, Dependency, Health};
pub use runtime::fold::{Decided, Fold};
pub use runtime::handler::{BatchHandler, Content, Handled, IllegalEvent, Kind, Received};
pub use runtime::retention::RetentionError;
#[doc(hidden)]
pub use runtime::service::SteppedService;
pub use runtime::service::{Service, ServiceError, ServiceParts};
pub use settings::{Bounded, InRange, OutOfRange, Settings, out_of, sweeps_within_an_hour, within_a_month};
pub use sqlx::Error as QueryError;
pub use statements::STATEMENTS;
pub use store::context::{Committed, Ending, ServiceContext};
pub use store::database::{DatabaseError, connect};
pub use store::dead_letters::{
    DISCARD_REASON, DeadLetter, DeadLetterDetail, DeadLetterFilter, DeadLetterState, DeadLetters,
    RedriveOutcome, Redriven, discard_reason,
};
pub use store::migrations::{migrate, migrator};
pub use store::outbox_event::{Cause, OutboxEvent};
pub use store::stored_headers::StoredHeaders;
pub use store::versioned::Versioned;
pub use waiters::Waiters;
