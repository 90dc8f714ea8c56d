//! Where a service writes: a transaction that is fenced by its shards' epochs and that publishes what it caused.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use minuet_envelope::{Contract, Micros, TraceContext};
use minuet_telemetry::meters::Meters;
use minuet_telemetry::{Span, Tracer};
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::failpoint::{Failpoint, hit};
use crate::observe::meters::Instruments;
use crate::observe::spans;
use crate::observe::spans::KeyAttribute;
use crate::store::database::Connections;
use crate::store::inbox;
use crate::store::outbox;
use crate::store::shards::{Fenced, Shards};
use crate::topics::Catalogue;
use crate::{Cause, Clock, DomainSpans, OutboxEvent, ReactError};

/// Shared by the consumer, by sweepers and by whoever records a provider's answers: one of each service and process.
#[derive(Clone)]
pub struct ServiceContext<C: Contract> {
    pub(crate) core: Arc<Core>,
    pub(crate) contract: C,
    pub(crate) catalogue: Arc<Catalogue<C::Kind>>,
    pub(crate) spans: Arc<dyn DomainSpans<C>>,
}

/// The part of a service's context that knows no events.
pub(crate) struct Core {
    pub(crate) service: &'static str,
    pub(crate) source: Arc<str>,
    pub(crate) connections: Connections,
    /// P: the number of shards.
    pub(crate) partitions: u32,
    pub(crate) shards: Arc<Shards>,
    /// Notified by each commit that appended to the outbox.
    pub(crate) wake: Notify,
    pub(crate) clock: Clock,
    pub(crate) meters: Meters,
    pub(crate) instruments: Arc<Instruments>,
    /// What stands before the names of topics.
    pub(crate) prefix: Arc<str>,
    pub(crate) tracer: Tracer,
    /// The contract's, for the relay: it knows no events.
    pub(crate) key_attribute: KeyAttribute,
}

impl Core {
    pub(crate) fn pool(&self) -> &PgPool {
        self.connections.pool()
    }

    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// A topic's name without the installation's prefix.
    pub(crate) fn plain<'a>(&self, topic: &'a str) -> &'a str {
        topic.strip_prefix(&*self.prefix).unwrap_or(topic)
    }

    /// The shards with their epochs. [`ReactError::Fenced`] names those that are not ours.
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
}

impl<C: Contract> ServiceContext<C> {
    pub fn pool(&self) -> &PgPool {
        self.core.pool()
    }

    /// For what the service itself measures.
    pub fn meters(&self) -> &Meters {
        &self.core.meters
    }

    pub fn tracer(&self) -> &Tracer {
        &self.core.tracer
    }

    /// The span of what led to an event, begun then and ended now. None: nobody records it.
    pub fn told(&self, emission: &OutboxEvent<C>, begun: SystemTime) -> Option<Span> {
        let recorded = emission.is_recorded(&self.core.tracer);
        recorded.then(|| spans::told(&*self.spans, emission, begun, SystemTime::now())).flatten()
    }

    pub fn now(&self) -> Micros {
        self.core.now()
    }

    /// The shard of a key, whichever partition it came in on.
    pub fn shard_of(&self, key: &str) -> u32 {
        outbox::shard_of(key, self.core.partitions)
    }

    /// How many shards there are.
    pub fn partitions(&self) -> u32 {
        self.core.partitions
    }

    pub fn holds(&self, shard: u32) -> bool {
        self.core.shards.epoch(shard).is_some()
    }

    /// The shards of this instance.
    pub fn held(&self) -> Vec<u32> {
        self.core.shards.held().into_iter().map(|(shard, _)| shard).collect()
    }

    /// An event of this service, caused by another.
    pub fn emission(
        &self,
        cause: Cause,
        event: C::Event,
        index: u32,
        now: Micros,
        sequence: Option<i64>,
        trace: &TraceContext,
    ) -> OutboxEvent<C> {
        OutboxEvent::caused_by(cause, &self.core.source, event, index, now, sequence, trace)
    }

    /// A connection for a transaction in the name of these shards. One that is [kept](ServiceContext::keep) after it serves the next.
    pub async fn connection(&self, shards: &BTreeSet<u32>) -> Result<PoolConnection<Postgres>, ReactError> {
        // What is not ours is left at once, also while the database is away.
        self.core.believed(shards)?;
        Ok(self.core.connections.get().await?)
    }

    /// Once the transaction has committed; one on which something failed goes back to the pool by itself. So does the only one
    /// that there may be: others need it too.
    pub fn keep(&self, connection: PoolConnection<Postgres>) {
        if self.pool().options().get_max_connections() > 1 {
            self.core.connections.keep(connection);
        }
    }

    /// Opens a transaction in the name of these shards. [`ReactError::Fenced`] names those that are not ours.
    pub async fn begin<'c>(
        &self,
        connection: &'c mut PgConnection,
        shards: &BTreeSet<u32>,
    ) -> Result<Transaction<'c, C>, ReactError> {
        self.begin_claiming(connection, shards, &[]).await
    }

    /// As [`ServiceContext::begin`], and claims the ids in the inbox.
    pub(crate) async fn begin_claiming<'c>(
        &self,
        connection: &'c mut PgConnection,
        shards: &BTreeSet<u32>,
        ids: &[Uuid],
    ) -> Result<Transaction<'c, C>, ReactError> {
        let believed = self.core.believed(shards)?;
        let mut inner = connection.begin().await?;
        let (fenced, claimed) = inbox::claim(&mut inner, &believed, ids, self.now()).await?;
        let Fenced { lost, something_waits } = fenced;
        if !lost.is_empty() {
            inner.rollback().await?;
            self.core.shards.fence_off(&lost);
            return Err(ReactError::Fenced(lost.into_iter().map(|(shard, _)| shard).collect()));
        }
        Ok(Transaction { inner, context: self.clone(), something_waits, claimed })
    }
}

pub struct Transaction<'c, C: Contract> {
    inner: sqlx::Transaction<'c, Postgres>,
    context: ServiceContext<C>,
    /// Events of some keys are parked: see [`Fenced`].
    pub(crate) something_waits: bool,
    /// The ids that nobody had claimed before.
    pub(crate) claimed: HashSet<Uuid>,
}

impl<C: Contract> Transaction<'_, C> {
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Appends the events to the outbox, commits, and wakes the relay.
    pub async fn commit(mut self, emissions: &[OutboxEvent<C>]) -> Result<(), ReactError> {
        outbox::append(&mut self.inner, &self.context, emissions).await?;
        hit(Failpoint::BeforeCommit);
        self.inner.commit().await?;
        hit(Failpoint::AfterCommit);
        if !emissions.is_empty() {
            self.context.core.wake.notify_one();
        }
        Ok(())
    }
}
