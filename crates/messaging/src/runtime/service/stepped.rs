//! A service that the caller steps: its own code on its own database, batch by batch, without a broker. The audit
//! rebuilds tables with it; tests use it to decide where a batch begins and ends, what time it is, and which instance
//! writes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use minuet_envelope::{Contract, EncodeError, Envelope, Micros};
use tokio_util::sync::CancellationToken;

use crate::runtime::batch::Processor;
use crate::runtime::handler::Kind;
use crate::runtime::sweeper;
use crate::store::inbox::prune;
use crate::store::positions::Next;
use crate::store::shards;
use crate::{BatchHandler, Counts, Incoming, Position, ReactError, Service, ServiceContext};

/// A service without a broker, driven step by step by a test or a tool: the code that ships, on a real database.
///
/// The caller says where a batch begins and ends, what time it is ([`Clock::Manual`](crate::Clock)), and who else writes at that moment. What a
/// batch emits stays in the table `outbox`: no relay runs. So a test can deliver an event twice, in any order and in any batch, and look
/// at the tables after each step.
///
/// ```no_run
/// # use minuet_messaging::{BatchHandler, Contract, Envelope, Incoming, ReactError, Service, SteppedService};
/// # async fn test<R: BatchHandler>(
/// #     service: Service<R::Contract>, handler: R, envelope: Envelope<minuet_messaging::Kind<R>>,
/// #     event: <R::Contract as Contract>::Event,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let stepped = SteppedService::new(service, handler);
/// let every_shard: Vec<u32> = (0..stepped.context().partitions()).collect();
/// stepped.take(&every_shard, "a test").await?;
///
/// // The same event twice, in two batches, at two places of the topic.
/// for offset in [0, 1] {
///     let message = stepped.message(&envelope, &event, 0, offset)?;
///     stepped.batch(vec![message]).await;
/// }
/// let published: i64 =
///     sqlx::query_scalar("select count(*) from outbox").fetch_one(stepped.context().pool()).await?;
/// assert_eq!(published, 1);
/// # Ok(())
/// # }
/// ```
pub struct SteppedService<R: BatchHandler>(Processor<R>);

impl<R: BatchHandler> SteppedService<R> {
    /// The service's handler is called as [`Service::run`] would call it.
    pub fn new(service: Service<R::Contract>, handler: R) -> Self {
        SteppedService(service.processor(Arc::new(handler), CancellationToken::new()))
    }

    /// Takes these shards from their current owner.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn take(&self, shards: &[u32], owner: &str) -> Result<(), ReactError> {
        let mut connection = self.context().pool().acquire().await?;
        self.context().core.shards.assign(shards);
        let raised = shards::raise(&mut connection, shards, owner).await?;
        self.context().core.shards.hold_raised(&raised);
        Ok(())
    }

    /// The context: transactions, outbox, clock.
    pub fn context(&self) -> &ServiceContext<R::Contract> {
        &self.0.context
    }

    /// The counters since the start.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// How often a batch was done again on locked rows, since another transaction had changed what it read without locks.
    pub fn conflicts(&self) -> u64 {
        self.context().core.contention.count()
    }

    /// The message that a producer of this event would have written at this position.
    ///
    /// # Errors
    /// The event does not fit its schema.
    pub fn message(
        &self,
        envelope: &Envelope<Kind<R>>,
        event: &<R::Contract as Contract>::Event,
        partition: i32,
        offset: i64,
    ) -> Result<Incoming, EncodeError> {
        let headers = envelope.to_headers().into_iter();
        let position = Position {
            topic: self.0.context.catalogue.topic_of(envelope.event_type).into(),
            partition,
            offset,
        };
        Ok(Incoming::recorded(
            position,
            Some(R::Contract::key(event).into_bytes()),
            Some(self.0.context.contract.encode(event)?),
            headers.map(|(name, value)| (name.to_owned(), Some(value.into_bytes()))).collect(),
            envelope.time,
        ))
    }

    /// Processes one batch to its end. Returns the shards that another instance has taken, whose messages were left to
    /// it.
    pub async fn batch(&self, messages: Vec<Incoming>) -> HashSet<u32> {
        // The token is never cancelled, so `process` always ends.
        self.0.process(messages, &Next::new()).await.unwrap_or_default()
    }

    /// Decides these due rows.
    ///
    /// # Errors
    /// As [`BatchHandler::sweep`].
    pub async fn run_sweep(&self, due: &[R::Due]) -> Result<(), ReactError> {
        sweeper::decide(&*self.0.handler, self.context(), due, self.context().now()).await
    }

    /// Prunes the inbox: drops rows older than the retention.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn prune(&self, retention: Duration) -> Result<(), ReactError> {
        prune::prune(&self.context().core.connections, self.context().now(), retention).await?;
        Ok(())
    }

    /// Redrives the requested dead letters, as the service does between two batches.
    pub async fn redrive(&self) {
        // The token is never cancelled, so `redrive` always ends.
        self.0.redrive().await.unwrap_or_default();
    }

    /// Finds all due rows and decides them. Returns their number.
    ///
    /// # Errors
    /// As [`BatchHandler::due`] and [`BatchHandler::sweep`].
    pub async fn sweep(&self) -> Result<usize, ReactError> {
        let (context, now) = (self.context(), self.context().now());
        let due = {
            let mut connection = context.pool().acquire().await?;
            self.0.handler.due(&mut connection, Micros(0), now).await?
        };
        if !due.is_empty() {
            sweeper::decide(&*self.0.handler, context, &due, now).await?;
        }
        Ok(due.len())
    }
}
