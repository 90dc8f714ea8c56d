use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use minuet_envelope::{Contract, Envelope, Micros};
use sqlx::PgConnection;

use crate::observe::processing::Processing;
use crate::{Incoming, OutboxEvent, ReactError};

/// An event that was decoded and whose inbox row is new in this transaction.
#[derive(Clone, Debug)]
pub struct Received<C: Contract> {
    pub incoming: Incoming,
    pub content: Content<C>,
    /// Under which spans it is processed, where its trace is recorded: its envelope then names the one of the processing.
    pub(crate) processing: Option<Processing>,
}

#[derive(Clone, Debug)]
pub enum Content<C: Contract> {
    Event(Box<(Envelope<C::Kind>, C::Event)>),
    /// A null value on a compacted topic: what the key names is gone.
    Tombstone {
        key: String,
    },
}

/// An event of the batch that the domain calls illegal: it alone is parked, the rest of the batch goes on.
#[derive(Debug)]
pub struct IllegalEvent {
    /// Its place in the batch.
    pub index: usize,
    pub detail: String,
}

/// What a batch led to.
pub struct Handled<C: Contract, A> {
    /// Events to publish, in the order in which they were decided.
    pub events: Vec<OutboxEvent<C>>,
    /// Events of the batch that the domain calls illegal. One is enough to roll back: it is parked, and the rest tried again.
    pub illegal: Vec<IllegalEvent>,
    /// The places in the batch of the events that changed something.
    pub applied: Vec<usize>,
    /// How many events changed nothing.
    pub no_ops: usize,
    /// What is to be done once the transaction has committed.
    pub after: A,
}

impl<C: Contract, A> Handled<C, A> {
    /// Nothing was decided.
    pub fn nothing(after: A) -> Self {
        Handled { events: Vec::new(), illegal: Vec::new(), applied: Vec::new(), no_ops: 0, after }
    }
}

/// The kinds of event of a handler's contract.
pub type Kind<R> = <<R as BatchHandler>::Contract as Contract>::Kind;

/// A service, seen from here: a table of reactions and the code behind it.
pub trait BatchHandler: Send + Sync + 'static {
    type Contract: Contract;
    type After: Send + 'static;
    /// Something that is due, by the name of its key. [`std::convert::Infallible`] where nothing ever is.
    type Due: Display + Clone + Send + Sync + 'static;

    /// The kinds of event that the service reacts to. Its inputs are their topics.
    fn consumes(&self) -> Vec<Kind<Self>>;

    /// Load, decide, store: everything that the batch touches, in the given transaction. Called again with the same events,
    /// or with a part of them, if the transaction fails; so it must leave no trace outside of it.
    fn react(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        events: &[&Received<Self::Contract>],
    ) -> impl Future<Output = Result<Handled<Self::Contract, Self::After>, ReactError>> + Send;

    /// The transaction has committed.
    fn committed(&self, after: Self::After);

    /// The shards were taken by this instance: whatever it finds left open in them is now its own.
    fn shards_taken(&self, _shards: &[u32]) -> impl Future<Output = Result<(), ReactError>> + Send {
        async { Ok(()) }
    }

    /// How often the sweeper looks for what is due. None: nothing ever is.
    fn sweep_interval(&self) -> Option<Duration> {
        None
    }

    /// What is due at `now`, the oldest first. Everything that was due before `since` was decided by an earlier sweep.
    fn due(
        &self,
        _connection: &mut PgConnection,
        _since: Micros,
        _now: Micros,
    ) -> impl Future<Output = Result<Vec<Self::Due>, ReactError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Decides the effect of time on these, as `react` decides events. Called only with the answers of [`BatchHandler::due`].
    fn sweep(
        &self,
        _connection: &mut PgConnection,
        _now: Micros,
        _due: &[Self::Due],
    ) -> impl Future<Output = Result<Handled<Self::Contract, Self::After>, ReactError>> + Send {
        async {
            Err(ReactError::Corrupt {
                table: "shards",
                detail: "a service without sweeps was asked to sweep".into(),
            })
        }
    }

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
