use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use minuet_envelope::{Contract, Envelope, Micros};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::observe::processing::Processing;
use crate::{Incoming, OutboxEvent, ReactError, Reads, Rows, Writes};

/// A decoded event whose inbox row is new in this transaction.
#[derive(Clone, Debug)]
pub struct Received<C: Contract> {
    /// The message as received.
    pub incoming: Incoming,
    /// The decoded content.
    pub content: Content<C>,
    /// The spans of its processing, if its trace is recorded. Its envelope then names the processing span.
    pub(crate) processing: Option<Processing>,
}

impl<C: Contract> Received<C> {
    /// The envelope and the event. `None`: a null value on a compacted topic.
    pub fn event(&self) -> Option<(&Envelope<C::Kind>, &C::Event)> {
        match &self.content {
            Content::Event(content) => Some((&content.0, &content.1)),
            Content::Tombstone { .. } => None,
        }
    }
}

/// The content of a valid message.
#[derive(Clone, Debug)]
pub enum Content<C: Contract> {
    /// An event with its envelope.
    Event(Box<(Envelope<C::Kind>, C::Event)>),
    /// A null value on a compacted topic: the key's subject is deleted.
    Tombstone {
        /// The message's key.
        key: String,
    },
}

/// An event of the batch that is illegal in the current state. It is parked alone; the rest of the batch is handled
/// again.
#[derive(Debug)]
pub struct IllegalEvent {
    /// Its index in the batch.
    pub index: usize,
    /// Why it is illegal, for the dead letter.
    pub detail: String,
}

/// The result of handling a batch.
pub struct Handled<C: Contract, A> {
    /// Events for the outbox, in the order of their decisions.
    pub events: Vec<OutboxEvent<C>>,
    /// Illegal events. If there are any, the transaction is rolled back, they are parked, and the rest is tried again.
    pub illegal: Vec<IllegalEvent>,
    /// Indexes of the events that changed something; the others are no-ops.
    pub applied: Vec<usize>,
    /// The number of events without effect.
    pub no_ops: usize,
    /// Changes of the service's tables that are still to be made: [`BatchHandler::decide`] describes them here.
    pub writes: Writes,
    /// Passed to [`BatchHandler::committed`] after the commit.
    pub after: A,
}

impl<C: Contract, A> Handled<C, A> {
    /// Nothing was decided.
    pub fn nothing(after: A) -> Self {
        Handled {
            events: Vec::new(),
            illegal: Vec::new(),
            applied: Vec::new(),
            no_ops: 0,
            writes: Writes::default(),
            after,
        }
    }
}

/// What a partition of a compacted topic has.
#[derive(Clone, Copy, Debug)]
pub struct KeptKeys<'a> {
    /// The topic's name without prefix.
    pub topic: &'a str,
    /// Kafka's id of the topic; nil if the broker tells none.
    pub topic_id: Uuid,
    /// The partition.
    pub partition: i32,
    /// The offset up to which the keys were read, exclusive.
    pub end: i64,
    /// The keys whose newest record has a value.
    pub keys: &'a [String],
}

/// The event kinds of a handler's contract.
pub type Kind<R> = <<R as BatchHandler>::Contract as Contract>::Kind;

/// The code of a service: a reaction to each consumed event, and optionally to time.
///
/// A service implements either [`BatchHandler::react`] or both [`BatchHandler::reads`] and [`BatchHandler::decide`]. With the latter
/// a batch is two statements, one that reads and one that writes, as long as no other transaction changes its rows in between.
pub trait BatchHandler: Send + Sync + 'static {
    /// The events of the shop.
    type Contract: Contract;
    /// Work for after the commit, such as calls to start and waiters to notify.
    type After: Send + 'static;
    /// Identifies something due; its text is the key. Use [`std::convert::Infallible`] for a service without sweeps.
    type Due: Display + Clone + Send + Sync + 'static;

    /// The consumed event kinds. The inputs of the service are their topics.
    fn consumes(&self) -> Vec<Kind<Self>>;

    /// Names the rows that the batch is decided on. They are read without locks, or locked in the order of the selects.
    fn reads(&self, _events: &[&Received<Self::Contract>], reads: &mut Reads) {
        reads.must_lock();
    }

    /// Decides a batch on these rows. It has no effect outside: it may be called again with other rows.
    ///
    /// # Errors
    /// As [`BatchHandler::react`].
    fn decide(
        &self,
        _now: Micros,
        _events: &[&Received<Self::Contract>],
        _rows: &Rows,
    ) -> Result<Handled<Self::Contract, Self::After>, ReactError> {
        Err(ReactError::Bug("the service implements neither `react` nor `decide`".to_owned()))
    }

    /// Loads, decides and stores everything that the batch touches, in the given transaction. If the transaction fails,
    /// it is called again with the same events or a part; so it must have no effect outside the transaction.
    ///
    /// # Errors
    /// [`ReactError`] rolls the transaction back; its kind decides whether the batch is retried, split or parked.
    fn react(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        events: &[&Received<Self::Contract>],
    ) -> impl Future<Output = Result<Handled<Self::Contract, Self::After>, ReactError>> + Send {
        async move {
            let mut reads = Reads::locked();
            self.reads(events, &mut reads);
            let rows = reads.fetch(connection).await?;
            self.decide(now, events, &rows)
        }
    }

    /// Called after the commit.
    fn committed(&self, _after: Self::After) {}

    /// This instance has taken these shards: it now owns the open work in them.
    ///
    /// # Errors
    /// An error is logged and the call is repeated.
    fn shards_taken(&self, _shards: &[u32]) -> impl Future<Output = Result<(), ReactError>> + Send {
        async { Ok(()) }
    }

    /// Gives up what this service knows from a compacted input under keys that the topic no longer has: their deletion may
    /// have gone from the topic unread. Called before the first message of the partition is read.
    ///
    /// Returns how much was given up.
    ///
    /// # Errors
    /// An error is logged and the call is repeated.
    fn keep_only(
        &self,
        _connection: &mut PgConnection,
        _kept: &KeptKeys<'_>,
    ) -> impl Future<Output = Result<u64, ReactError>> + Send {
        async { Ok(0) }
    }

    /// Interval of the sweeper. `None`: the service has no sweeps.
    fn sweep_interval(&self) -> Option<Duration> {
        None
    }

    /// Everything due at `now`, the oldest first. Everything due before `since` was decided by an earlier sweep.
    ///
    /// # Errors
    /// An error ends this sweep; the next one starts again.
    fn due(
        &self,
        _connection: &mut PgConnection,
        _since: Micros,
        _now: Micros,
    ) -> impl Future<Output = Result<Vec<Self::Due>, ReactError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Decides the effect of time on these, as `react` does for events. `due` holds results of [`BatchHandler::due`]
    /// only.
    ///
    /// # Errors
    /// As [`BatchHandler::react`].
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

    /// Queries the database for the service's gauges, on a connection of its own with a statement timeout.
    ///
    /// # Errors
    /// An error is counted; the gauges keep their last values.
    fn sample(
        &self,
        _: &mut PgConnection,
        _now: Micros,
    ) -> impl Future<Output = Result<(), ReactError>> + Send {
        async { Ok(()) }
    }

    /// Called at shutdown after the last batch. Returns when the service's other work has ended; the relay stops after
    /// that.
    fn stopped(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
