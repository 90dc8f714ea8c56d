//! A service driven by hand: its own code on its own database, batch by batch, without a broker. For the audit, which
//! rebuilds tables from the topics, and for tests that want to say themselves where a batch begins and ends, what time it
//! is, and who else writes at that moment.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use minuet_envelope::{Contract, EncodeError, Envelope, Micros};
use tokio_util::sync::CancellationToken;

use crate::runtime::batch::Processor;
use crate::runtime::handler::Kind;
use crate::runtime::sweeper;
use crate::store::inbox::prune;
use crate::{BatchHandler, Counts, Incoming, Position, ReactError, Service, ServiceContext};

pub struct SteppedService<R: BatchHandler>(Processor<R>);

impl<R: BatchHandler> SteppedService<R> {
    pub fn new(service: Service<R::Contract>, handler: R) -> Self {
        SteppedService(service.processor(Arc::new(handler), CancellationToken::new()))
    }

    /// Holds these shards from now on, whoever held them before.
    pub async fn take(&self, shards: &[u32], owner: &str) -> Result<(), ReactError> {
        let mut connection = self.context().pool().acquire().await?;
        self.context().core.shards.assign(shards);
        Ok(self.context().core.shards.take(&mut connection, shards, owner).await?)
    }

    pub fn context(&self) -> &ServiceContext<R::Contract> {
        &self.0.context
    }

    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// What a producer of this event would have left there.
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

    /// One batch, to its end. Answers with the shards that another instance has taken: their messages were left to it.
    pub async fn batch(&self, messages: Vec<Incoming>) -> HashSet<u32> {
        // Nobody stops it, so it comes to an end.
        self.0.process(messages).await.unwrap_or_default()
    }

    /// Decides what time has done to these.
    pub async fn run_sweep(&self, due: &[R::Due]) -> Result<(), ReactError> {
        sweeper::decide(&*self.0.handler, self.context(), due, self.context().now()).await
    }

    /// Gives back what the inbox need not remember any more.
    pub async fn tidy(&self, retention: Duration) -> Result<(), ReactError> {
        prune::prune(self.context().pool(), self.context().now(), retention).await?;
        Ok(())
    }

    /// Redrives what was asked for, as the service does between two batches.
    pub async fn redrive(&self) {
        // Nobody stops it, so it comes to an end.
        self.0.redrive().await.unwrap_or_default();
    }

    /// Finds what is due and decides it, however long ago that was.
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
