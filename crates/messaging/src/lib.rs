//! Events in and events out of a service, over Kafka and PostgreSQL, each with its effect exactly once.
//!
//! A service reads events, changes its own database, and emits events. This crate does everything between the topics and the code
//! of the service: consumer, inbox, outbox, relay, parked events, redrive, meters and traces. The service implements two traits:
//!
//! - [`Contract`] says how its events are named, keyed, encoded and decoded;
//! - [`BatchHandler`] says what a batch of events does to its tables.
//!
//! # What it promises
//!
//! - **Atomic.** The inbox rows that claim the events of a batch, the state that the batch changes, and the outbox rows of the events
//!   that follow commit in one transaction, or none does.
//! - **Once.** An event may arrive any number of times. Its effect happens once: a second delivery finds the inbox row of the first.
//! - **In order.** Events of one key leave the service in the order in which their transactions changed that key's row. Repetitions, with
//!   the same id and the same bytes, may follow.
//! - **Nothing lost.** An event that cannot be processed is parked with its reason and its original bytes. On a service's own
//!   topics, later events of the same key wait behind it. An admin redrives or discards it.
//!
//! # State
//!
//! Four tables in the service's own database, beside the service's tables. [`migrate`] makes them.
//!
//! | table | a row is | it goes |
//! |---|---|---|
//! | `inbox` | the id of an event that was processed | after the retention ([`Settings::inbox_retention`]) |
//! | `outbox` | an event to be published | once the broker has acknowledged it |
//! | `dead_letters` | a parked event | when it is redriven |
//! | `shards` | the instance that owns a shard, and its epoch | never |
//!
//! # The way of a batch
//!
//! ```text
//! poll ─ decode ─ read ─ decide ─ write: fence, claim, rows, outbox ─ store the offsets
//!                                   └ relay: produce ─ acknowledged ─ deleted by the next write
//! ```
//!
//! 1. The consumer hands over what Kafka has: at low load one event, under load up to [`Settings::batch_size`].
//! 2. One query reads the rows that [`BatchHandler::reads`] names, without locks. [`BatchHandler::decide`] decides; [`Fold`] gathers
//!    its decisions.
//! 3. One statement, a transaction by itself, checks that this instance still owns the shards of the batch (by their epochs), claims
//!    the ids in the inbox, writes the rows, and appends the events that follow to the outbox. It fails if an id is not new, or if a row
//!    is not as it was read. Only after its commit are the offsets stored.
//! 4. A batch that fails so is done again under locks: begin, fence and claim, read, decide, write, commit. So is each batch of a
//!    service that implements [`BatchHandler::react`], and each batch in which something is parked.
//! 5. The relay publishes the rows of its shards, with at most one row of a key in flight. It has a row from memory if its `ce_sequence`
//!    follows what this process last published of the key; every other row it reads from the table, in the order of ids.
//!
//! All keyed topics have the same number of partitions, P. The instance that reads partition p of the inputs owns shard p of the outbox.
//! More instances take shards from each other, up to P.
//!
//! # When things fail
//!
//! | failure | what happens |
//! |---|---|
//! | the process dies between commit and offset | the batch arrives again, and the inbox drops it |
//! | the process dies between acknowledgement and delete | the same event is published again, under the same id |
//! | the database or the broker is away | the service waits and retries; nothing is parked |
//! | two transactions want the same row | the later one starts again, on locked rows |
//! | an event violates a constraint, or the code panics | the batch is halved until the event is alone; it is tried [`Settings::attempts`] times, then parked |
//! | an instance wakes up after its shards were taken | the epoch in the database refuses its transaction |
//!
//! # Example
//!
//! A service that doubles numbers. `docs/your-own-service.md` builds a larger one, with its tables, its schemas and its tests.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//! use std::convert::Infallible;
//! use std::sync::Arc;
//!
//! use minuet_messaging::topics::Catalogue;
//! use minuet_messaging::{
//!     BatchHandler, CancellationToken, Cause, Contract, DecodeError, EncodeError, EventKind, Fold, Handled, Micros, ReactError,
//!     Received, Service, ServiceParts, Settings, cancel_on_signal, event_kinds, migrate,
//! };
//! use serde::{Deserialize, Serialize};
//! use sqlx::PgConnection;
//!
//! event_kinds! {
//!     enum Kind, version "v1" {
//!         Asked = "numbers.Asked",
//!         Doubled = "numbers.Doubled",
//!     }
//! }
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! enum Event {
//!     Asked(u64),
//!     Doubled(u64),
//! }
//!
//! #[derive(Clone, Debug)]
//! struct Numbers;
//!
//! impl Contract for Numbers {
//!     type Kind = Kind;
//!     type Event = Event;
//!
//!     fn kind(event: &Event) -> Kind {
//!         match event {
//!             Event::Asked(_) => Kind::Asked,
//!             Event::Doubled(_) => Kind::Doubled,
//!         }
//!     }
//!
//!     fn key(event: &Event) -> String {
//!         let (Event::Asked(number) | Event::Doubled(number)) = event;
//!         number.to_string()
//!     }
//!
//!     fn encode(&self, event: &Event) -> Result<Vec<u8>, EncodeError> {
//!         serde_json::to_vec(event).map_err(|error| EncodeError {
//!             event: Self::kind(event).name(),
//!             key: Self::key(event),
//!             detail: error.to_string(),
//!         })
//!     }
//!
//!     fn decode(&self, payload: &[u8]) -> Result<Event, DecodeError> {
//!         serde_json::from_slice(payload).map_err(|error| DecodeError::NoEvent(error.to_string()))
//!     }
//! }
//!
//! struct Doubler {
//!     source: Arc<str>,
//! }
//!
//! impl BatchHandler for Doubler {
//!     type Contract = Numbers;
//!     type After = ();
//!     type Due = Infallible;
//!
//!     fn consumes(&self) -> Vec<Kind> {
//!         vec![Kind::Asked]
//!     }
//!
//!     async fn react(
//!         &self,
//!         _: &mut PgConnection,
//!         now: Micros,
//!         events: &[&Received<Numbers>],
//!     ) -> Result<Handled<Numbers, ()>, ReactError> {
//!         let mut fold = Fold::new(Arc::clone(&self.source), now);
//!         for (index, received) in events.iter().enumerate() {
//!             let Some((envelope, Event::Asked(number))) = received.event() else { continue };
//!             fold.applied(index);
//!             fold.emit_as(None, Cause::from(envelope), &envelope.trace, Event::Doubled(number * 2));
//!         }
//!         Ok(fold.handled(()))
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let database = "postgres://numbers:secret@127.0.0.1/numbers".to_owned();
//! migrate(&database, &sqlx::migrate::Migrator::with_migrations(vec![])).await?;
//! let kafka = BTreeMap::from([("bootstrap.servers".to_owned(), "127.0.0.1:9092".to_owned())]);
//! let catalogue = Catalogue::parse(
//!     "topics:
//!        - {name: numbers.intake, partitions: 8, cleanup: delete, retention: 7d, key: number, records: [Asked], producers: [any]}
//!        - {name: numbers.events, partitions: 8, cleanup: delete, retention: 7d, key: number, records: [Doubled], producers: [numbers]}",
//! )?;
//! catalogue.apply(&kafka, "").await?;
//! let service = Service::new("numbers", ServiceParts::new(Settings::new(kafka, database), Numbers, catalogue), ())?;
//! let handler = Doubler { source: service.context().source() };
//! let shutdown = CancellationToken::new();
//! cancel_on_signal(shutdown.clone())?;
//! service.run(Arc::new(handler), shutdown).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to go on
//!
//! - Tests without a broker: [`SteppedService`].
//! - A transaction of your own: [`outbox::append`], [`ServiceContext::transaction`].
//! - Topics, and those of another team: [`topics`].
//! - Health, meters and parked events over HTTP: [`Service::routes`].
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
pub mod outbox;
mod runtime;
mod settings;
mod signals;
mod statements;
mod store;
#[cfg(test)]
mod test_contract;
pub mod topics;
mod waiters;

/// The envelope crate: CloudEvents headers, ids, trace context.
pub use minuet_envelope as envelope;
pub use minuet_envelope::{
    Contract, DecodeError, EncodeError, Envelope, EventKind, Micros, ResolveError, TraceContext, event_kinds,
};
/// Stops a service: [`Service::run`] takes one.
pub use tokio_util::sync::CancellationToken;

pub use clock::Clock;
pub use error::ReactError;
pub use kafka::incoming::{Incoming, Position};
pub use kafka::publisher::{PublishError, Publisher};
pub use kafka::reader::{Message, Partition, ReadError, Reader, Slice};
pub use minuet_envelope::ParkReason;
pub use observe::domain_spans::DomainSpans;
pub use observe::health::{Counts, Dependency, Health, Stall};
pub use runtime::fold::{Decided, Fold};
pub use runtime::handler::{BatchHandler, Content, Handled, IllegalEvent, KeptKeys, Kind, Received};
pub use runtime::retention::RetentionError;
pub use runtime::service::{Service, ServiceError, ServiceParts, SteppedService};
pub use settings::{Bounded, InRange, OutOfRange, Settings, out_of, sweeps_within_an_hour, within_a_month};
pub use signals::cancel_on_signal;
pub use sqlx::Error as QueryError;
pub use statements::STATEMENTS;
pub use store::context::{Committed, Ending, ServiceContext};
pub use store::database::{DatabaseError, connect};
pub use store::dead_letters::{
    DISCARD_REASON, DeadLetter, DeadLetterDetail, DeadLetterFilter, DeadLetterState, DeadLetters,
    RedriveOutcome, Redriven, discard_reason,
};
pub use store::migrations::{create_database, migrate, migrator};
pub use store::outbox_event::{Cause, OutboxEvent};
pub use store::positions::{Accepted, Positions, RefusedPosition, SkippedOffsets};
pub use store::skips::request_skip;
pub use store::statement::{Reads, Rows, Writes, composed};
pub use store::stored_headers::StoredHeaders;
pub use store::versioned::Versioned;
pub use waiters::Waiters;
