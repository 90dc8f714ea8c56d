//! Opens transactions fenced by shard epoch; commit appends their events to the outbox.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use minuet_envelope::{Contract, EventKind, Micros};
use minuet_telemetry::Tracer;
use minuet_telemetry::meters::Meters;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::Notify;
use tracing::debug;
use uuid::Uuid;

use super::acknowledged::Acknowledged;
use super::connections::{Connections, TRANSACTION_TIMEOUT, within};
use super::contention::Contention;
use super::inbox::{self, Claims};
use super::outage::Outage;
use super::outbox::{self, NewRow};
use super::outbox_event::OutboxEvent;
use super::relay_queue::{CommittedRow, RelayQueue};
use super::shards::{Fenced, Shards};
use super::statement::{Appended, Assumed, Reads, Rows, Writes};
use super::stored_headers::StoredHeaders;
use super::stored_span::StoredSpan;
use crate::clock::ServiceClock;
use crate::failpoint::{Failpoint, hit};
use crate::observe::domain_spans::{DomainSpans, KeyAttribute};
use crate::observe::meters::{Instruments, Path, Steps};
use crate::observe::progress::{BatchInFlight, Refusals};
use crate::topics::ids::TopicIds;
use crate::topics::{Catalogue, TopicName};
use crate::{Incoming, ReactError};

/// The write side of a service, one per service and process. Clones share their state; consumer, sweeper and the
/// service's own tasks each hold one.
#[derive(Clone)]
pub struct ServiceContext<C: Contract> {
    pub(crate) core: Arc<Core>,
    pub(crate) contract: C,
    pub(crate) catalogue: Arc<Catalogue<C::Kind>>,
    pub(crate) spans: Arc<dyn DomainSpans<C>>,
}

/// The part of the context that is independent of the contract.
pub(crate) struct Core {
    pub(crate) service: &'static str,
    pub(crate) source: Arc<str>,
    /// The topic of this service's dead letters, without prefix.
    pub(crate) dead_letters: String,
    pub(crate) connections: Arc<Connections>,
    /// P: the number of shards.
    pub(crate) partitions: u32,
    /// The topics without keys, without prefix: their events may go to any partition.
    pub(crate) unkeyed: BTreeSet<String>,
    pub(crate) shards: Arc<Shards>,
    /// Since when the database does not answer.
    pub(crate) outage: Outage,
    /// The shards that lock the rows of their batches for a while.
    pub(crate) contention: Contention,
    /// Notified by each commit that appended to the outbox.
    pub(crate) wake: Notify,
    /// The rows that the relay sends from memory.
    pub(crate) relay_queue: RelayQueue,
    /// The sent ones, for the next statement that appends.
    pub(crate) acknowledged: Acknowledged,
    pub(crate) clock: Arc<ServiceClock>,
    pub(crate) meters: Meters,
    pub(crate) instruments: Arc<Instruments>,
    /// The batch that is being processed, for the watch.
    pub(crate) batch_in_flight: BatchInFlight,
    /// The outbox rows that the broker refuses.
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) topic_ids: TopicIds,
    /// The prefix of topic names.
    pub(crate) prefix: Arc<str>,
    pub(crate) tracer: Tracer,
    /// The contract's function, for the relay, which is not generic over the contract.
    pub(crate) key_attribute: KeyAttribute,
}

impl Core {
    pub(crate) fn pool(&self) -> &PgPool {
        self.connections.pool()
    }

    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// The topic that `topics.yaml` calls `plain`.
    pub(crate) fn topic(&self, plain: &str) -> TopicName {
        TopicName::new(&self.prefix, plain)
    }

    /// The partition of a key; on a keyed topic it is the key's shard. `None`: any partition.
    pub(crate) fn partition_of(&self, topic: &TopicName, key: &str) -> Option<i32> {
        (!self.unkeyed.contains(topic.plain())).then(|| outbox::shard_of(key, self.partitions).cast_signed())
    }

    /// The topic of a message.
    pub(crate) fn topic_of(&self, incoming: &Incoming) -> TopicName {
        TopicName::from_full(&self.prefix, Arc::clone(&incoming.position.topic))
    }

    /// The shards with the epochs that this instance holds. [`ReactError::Fenced`] names those that it does not hold.
    fn believed(&self, shards: &BTreeSet<u32>) -> Result<Vec<(u32, i64)>, ReactError> {
        let mut believed = Vec::with_capacity(shards.len());
        let mut foreign = Vec::new();
        for shard in shards {
            match self.shards.epoch(*shard) {
                Some(epoch) => believed.push((*shard, epoch)),
                None => foreign.push(*shard),
            }
        }
        if foreign.is_empty() { Ok(believed) } else { Err(ReactError::Fenced(foreign)) }
    }

    /// Hands rows to the relay after their commit. A row of a shard that another instance holds is left to it.
    fn committed(&self, rows: Vec<NewRow<'_>>, appended: Appended) {
        let Appended { ids, created_at, deleting } = appended;
        deleting.done();
        if rows.is_empty() {
            return;
        }
        // Ids are drawn in the order of the rows; otherwise nothing says which row has which.
        if ids.len() == rows.len() && ids.is_sorted() {
            let held = |shard: i16| {
                let shard = u32::from(shard.unsigned_abs());
                self.shards.epoch(shard).map(|epoch| (shard, epoch))
            };
            self.relay_queue.add(rows.into_iter().zip(ids).filter_map(|(row, id)| {
                let (shard, epoch) = held(row.shard)?;
                Some(CommittedRow { row: row.committed((id, created_at)), shard, epoch })
            }));
        } else {
            self.relay_queue.leave_to_the_table();
        }
        self.wake.notify_one();
    }
}

impl<C: Contract> ServiceContext<C> {
    /// The connection pool of the service's database, for tools and tests. A service uses
    /// [`ServiceContext::with_connection`] and [`ServiceContext::transaction`]: nothing limits the time of a query on the
    /// pool itself, and a connection that fails there stays open.
    pub fn pool(&self) -> &PgPool {
        self.core.pool()
    }

    /// The registry for the service's own meters.
    pub fn meters(&self) -> &Meters {
        &self.core.meters
    }

    /// The tracer of the service.
    pub fn tracer(&self) -> &Tracer {
        &self.core.tracer
    }

    /// The current time: the database's, so that all instances of a service have one.
    pub fn now(&self) -> Micros {
        self.core.now()
    }

    /// `false`: the clocks of database and broker differ by more than the bound. Then this service's time says nothing about
    /// a time that another service has set.
    pub fn trusts_time(&self) -> bool {
        self.core.clock.is_trusted()
    }

    /// The shard of a key; independent of the partition that a message came in on.
    pub fn shard_of(&self, key: &str) -> u32 {
        outbox::shard_of(key, self.core.partitions)
    }

    /// The number of shards.
    pub fn partitions(&self) -> u32 {
        self.core.partitions
    }

    /// Whether this instance holds the shard.
    pub fn holds(&self, shard: u32) -> bool {
        self.core.shards.epoch(shard).is_some()
    }

    /// The shards that this instance holds.
    pub fn held(&self) -> Vec<u32> {
        self.core.shards.held().into_iter().map(|(shard, _)| shard).collect()
    }

    /// The `ce_source` of this service's events.
    pub fn source(&self) -> Arc<str> {
        Arc::clone(&self.core.source)
    }

    /// Appends events to the outbox in the transaction of this connection, which nobody here commits: the relay finds the
    /// rows in the table.
    pub(crate) async fn append(
        &self,
        connection: &mut PgConnection,
        events: &[OutboxEvent<C>],
    ) -> Result<(), ReactError> {
        Ok(outbox::append(connection, &self.rows(events)?).await?)
    }

    /// The events as rows of the outbox.
    fn rows<'e>(&'e self, events: &'e [OutboxEvent<C>]) -> Result<Vec<NewRow<'e>>, ReactError> {
        let ServiceContext { core, contract, catalogue, spans } = self;
        let mut rows = Vec::with_capacity(events.len());
        for outbox_event in events {
            let OutboxEvent { envelope, event, .. } = outbox_event;
            let span = StoredSpan::of(&core.tracer, &**spans, outbox_event).map(|span| span.text());
            let key = &*envelope.subject;
            let topic = match envelope.event_type {
                parked if Some(parked) == C::Kind::PARKED => &*core.dead_letters,
                other => catalogue.topic_of(other),
            };
            rows.push(NewRow {
                shard: i16::try_from(self.shard_of(key)).unwrap_or(i16::MAX),
                topic,
                key,
                headers: StoredHeaders::new(envelope, span.as_deref()),
                payload: contract.encode(event)?,
            });
        }
        Ok(rows)
    }

    /// Decides on rows and writes in two statements: `reads` names the rows, and `decide` says what follows. The second
    /// statement commits only if the rows are still as they were read. If they are not, both run once more as in
    /// [`ServiceContext::transaction`], on locked rows.
    ///
    /// # Errors
    /// As [`ServiceContext::transaction`].
    pub async fn decide<T>(
        &self,
        shards: &BTreeSet<u32>,
        reads: impl Fn(&mut Reads),
        decide: impl Fn(&Rows) -> Result<Ending<C, T>, ReactError>,
    ) -> Result<Committed<C, T>, ReactError> {
        if !self.core.contention.locks(shards, Instant::now()) {
            let mut unlocked = Reads::unlocked();
            reads(&mut unlocked);
            let tried = self.unlocked(shards, Scope::Answers, unlocked, &mut Steps::begin(), &decide).await?;
            if let Some(committed) = tried {
                return Ok(committed);
            }
        }
        let work = async |connection: &mut PgConnection| {
            let mut locked = Reads::locked();
            reads(&mut locked);
            decide(&locked.fetch(connection).await?)
        };
        self.transaction(shards, work).await
    }

    /// Reads without locks, decides, and writes in a statement that commits by itself. `None`: something that was assumed
    /// does not hold, or `decide` rolls back; nothing was done.
    pub(crate) async fn unlocked<T>(
        &self,
        shards: &BTreeSet<u32>,
        scope: Scope<'_>,
        reads: Reads,
        steps: &mut Steps,
        decide: impl FnOnce(&Rows) -> Result<Ending<C, T>, ReactError>,
    ) -> Result<Option<Committed<C, T>>, ReactError> {
        let believed = self.core.believed(shards)?;
        let (claims, keys) = match scope {
            Scope::Answers => (None, <_>::default()),
            Scope::Batch { claims, keys } => (Some(claims), keys),
        };
        let today = self.now().to_datetime().date();
        let assumed = Assumed { believed: &believed, claims, today, keys };
        let mut connection = self.core.connections.get().await?;
        steps.done("begin");
        let done = self.two_statements(&mut connection, &assumed, reads, steps, decide);
        let done = within(TRANSACTION_TIMEOUT, done).await;
        self.core.connections.put_back(connection, &done);
        match done? {
            Ok(committed) => {
                if committed.is_some() {
                    self.core.instruments.committed_by(Path::Optimistic);
                }
                Ok(committed)
            }
            Err(Conflict { table }) => {
                debug!(table, ?shards, "decided again under locks");
                self.core.instruments.conflict(table);
                self.core.contention.conflict(shards, Instant::now());
                Ok(None)
            }
        }
    }

    async fn two_statements<T>(
        &self,
        connection: &mut PgConnection,
        assumed: &Assumed<'_>,
        reads: Reads,
        steps: &mut Steps,
        decide: impl FnOnce(&Rows) -> Result<Ending<C, T>, ReactError>,
    ) -> Result<Result<Option<Committed<C, T>>, Conflict>, ReactError> {
        let rows = reads.fetch(connection).await?;
        hit(Failpoint::AfterClaim);
        steps.done("read");
        let Ending::Commit { events, writes, result } = decide(&rows)? else { return Ok(Ok(None)) };
        let outbox = self.rows(&events)?;
        steps.done("react");
        hit(Failpoint::BeforeCommit);
        let appended = match writes.commit(connection, assumed, &outbox, &self.core.acknowledged).await {
            Err(ReactError::LostRace { table }) => return Ok(Err(Conflict { table })),
            other => other?,
        };
        hit(Failpoint::AfterCommit);
        self.core.committed(outbox, appended);
        steps.done("commit");
        Ok(Ok(Some(Committed { result, events })))
    }

    /// Runs `work` in a transaction that is fenced by the epochs of these shards. If `work` returns [`Ending::Commit`],
    /// its events are appended to the outbox, everything commits together, and the relay is woken.
    ///
    /// # Errors
    /// [`ReactError::Fenced`] names the shards that another instance has taken; nothing was done then. An error of
    /// `work` or of the database rolls back.
    pub async fn transaction<T, F>(
        &self,
        shards: &BTreeSet<u32>,
        work: F,
    ) -> Result<Committed<C, T>, ReactError>
    where
        F: AsyncFnOnce(&mut PgConnection) -> Result<Ending<C, T>, ReactError>,
    {
        let work = async |opened: Opened<'_>| work(opened.connection).await;
        self.claiming(shards, Claims::default(), &mut Steps::begin(), work).await
    }

    /// As [`ServiceContext::transaction`]; also claims the ids in the inbox, records the positions and measures the steps.
    pub(crate) async fn claiming<T, F>(
        &self,
        shards: &BTreeSet<u32>,
        claims: Claims<'_>,
        steps: &mut Steps,
        work: F,
    ) -> Result<Committed<C, T>, ReactError>
    where
        F: AsyncFnOnce(Opened<'_>) -> Result<Ending<C, T>, ReactError>,
    {
        // Fails at once for a shard that is not held, also while the database is away.
        let believed = self.core.believed(shards)?;
        let mut connection = self.core.connections.get().await?;
        steps.done("begin");
        let done = self.fenced(&mut connection, &believed, claims, steps, work);
        let done = within(TRANSACTION_TIMEOUT, done).await;
        self.core.connections.put_back(connection, &done);
        let committed = done?;
        self.core.instruments.committed_by(Path::Locking);
        Ok(committed)
    }

    /// The transaction on this connection.
    async fn fenced<T, F>(
        &self,
        connection: &mut PgConnection,
        believed: &[(u32, i64)],
        claims: Claims<'_>,
        steps: &mut Steps,
        work: F,
    ) -> Result<Committed<C, T>, ReactError>
    where
        F: AsyncFnOnce(Opened<'_>) -> Result<Ending<C, T>, ReactError>,
    {
        let mut transaction = connection.begin().await?;
        let (fenced, claimed) = inbox::claim(&mut transaction, believed, claims, self.now()).await?;
        let Fenced { lost, something_waits } = fenced;
        if !lost.is_empty() {
            transaction.rollback().await?;
            self.core.shards.fence_off(&lost);
            return Err(ReactError::Fenced(lost.into_iter().map(|(shard, _)| shard).collect()));
        }
        steps.done("claim");
        let (events, writes, result) =
            match work(Opened { connection: &mut transaction, something_waits, claimed }).await? {
                Ending::RollBack(result) => {
                    transaction.rollback().await?;
                    return Ok(Committed { result, events: Vec::new() });
                }
                Ending::Commit { events, writes, result } => (events, writes, result),
            };
        steps.done("react");
        let outbox = self.rows(&events)?;
        let appended = writes.run(&mut transaction, &outbox, &self.core.acknowledged).await?;
        hit(Failpoint::BeforeCommit);
        transaction.commit().await?;
        hit(Failpoint::AfterCommit);
        self.core.committed(outbox, appended);
        steps.done("commit");
        Ok(Committed { result, events })
    }
}

/// The end of a transaction whose work did not fail.
pub enum Ending<C: Contract, T> {
    /// Publish these events, in this order, and commit.
    Commit {
        /// The events for the outbox.
        events: Vec<OutboxEvent<C>>,
        /// Changes of the service's tables that `work` has not made itself.
        writes: Writes,
        /// The value of `work`.
        result: T,
    },
    /// Roll back.
    RollBack(T),
}

/// Something that was assumed does not hold.
struct Conflict {
    /// The table in which it shows.
    table: &'static str,
}

/// What a decision without locks is about.
pub(crate) enum Scope<'a> {
    /// Messages.
    Batch {
        claims: Claims<'a>,
        /// Topics and keys behind which later events wait, if one is parked.
        keys: (Vec<String>, Vec<Vec<u8>>),
    },
    /// Something else, such as answers of another system.
    Answers,
}

/// The result of a transaction.
pub struct Committed<C: Contract, T> {
    /// The value of `work`.
    pub result: T,
    /// The appended events; empty after a rollback.
    pub events: Vec<OutboxEvent<C>>,
}

/// An open transaction that has passed its fence.
pub(crate) struct Opened<'c> {
    pub(crate) connection: &'c mut PgConnection,
    /// Events of some keys are parked: see [`Fenced`].
    pub(crate) something_waits: bool,
    /// The ids that no earlier transaction has claimed.
    pub(crate) claimed: HashSet<Uuid>,
}
