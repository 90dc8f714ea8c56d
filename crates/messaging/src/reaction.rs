use std::future::Future;
use std::time::Duration;

use minuet_events::values::{Micros, OrderId};
use minuet_events::{Envelope, Event, EventType};
use sqlx::PgConnection;

use crate::spans::Processing;
use crate::{Emission, Incoming, ReactError};

/// An event that was decoded and whose inbox row is new in this transaction.
#[derive(Clone, Debug)]
pub struct Received {
    pub incoming: Incoming,
    pub content: Content,
    /// Under which spans it is processed, where its trace is recorded: its envelope then names the one of the processing.
    pub(crate) processing: Option<Processing>,
}

#[derive(Clone, Debug)]
pub enum Content {
    Event(Box<(Envelope, Event)>),
    /// A null value on a compacted topic: what the key names is gone.
    Erased {
        key: String,
    },
}

/// An event of the batch that the domain calls illegal: it alone is parked, the rest of the batch goes on.
#[derive(Debug)]
pub struct Refusal {
    /// Its place in the batch.
    pub index: usize,
    pub detail: String,
}

/// What a batch led to.
pub struct Reacted<A> {
    /// Events to publish, in the order in which they were decided.
    pub emissions: Vec<Emission>,
    pub refusals: Vec<Refusal>,
    /// The places in the batch of the events that changed something.
    pub applied: Vec<usize>,
    /// What is to be done once the transaction has committed.
    pub after: A,
}

/// A service, seen from here: which events it reacts to, and the code that does.
pub trait Reactor: Send + Sync + 'static {
    type After: Send + 'static;

    /// The kinds of event that the service reacts to. It reads the topics that carry these kinds, and skips others on them.
    fn consumes(&self) -> Vec<EventType>;

    /// Load, decide, store: everything that the batch touches, in the given transaction. Called again with the same events,
    /// or with a part of them, if the transaction fails; so it must leave no trace outside of it.
    fn react(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        events: &[&Received],
    ) -> impl Future<Output = Result<Reacted<Self::After>, ReactError>> + Send;

    /// The transaction has committed.
    fn committed(&self, after: Self::After);

    /// The shards were taken by this instance: whatever it finds left open in them is now its own.
    fn shards_taken(&self, shards: &[u32]) -> impl Future<Output = Result<(), ReactError>> + Send;

    /// How often the sweeper looks for what is due. None: nothing ever is.
    fn sweep_interval(&self) -> Option<Duration> {
        None
    }

    /// The orders that are due at `now`, the oldest first; whatever was due before `since` has been seen to.
    fn due(
        &self,
        connection: &mut PgConnection,
        since: Micros,
        now: Micros,
    ) -> impl Future<Output = Result<Vec<OrderId>, ReactError>> + Send;

    /// Decides what time has done to these orders, as `react` decides events.
    fn sweep(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        orders: &[OrderId],
    ) -> impl Future<Output = Result<Reacted<Self::After>, ReactError>> + Send;

    /// Asks the database what the service's gauges show. On a connection of its own, cut off where it takes long.
    fn sample(
        &self,
        _: &mut PgConnection,
        _now: Micros,
    ) -> impl Future<Output = Result<(), ReactError>> + Send {
        async { Ok(()) }
    }

    /// Nothing more is taken in; returns once what the service does besides is at its end, before the relay stops.
    fn stopped(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
