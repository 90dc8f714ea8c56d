//! A service driven by hand: its own code on its own database, batch by batch, without a broker. For the audit, which
//! rebuilds tables from the topics, and for tests that want to say themselves where a batch begins and ends, what time it
//! is, and who else writes at that moment.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use minuet_envelope::{Contract, EncodeError, Envelope, Micros};
use tokio_util::sync::CancellationToken;

use crate::batch::Processor;
use crate::inbox::tidy;
use crate::reaction::Kind;
use crate::{Counts, Incoming, Lane, Position, ReactError, Reactor, Service, sweeper};

pub struct ByHand<R: Reactor>(Processor<R>);

impl<R: Reactor> ByHand<R> {
    pub fn new(service: Service<R::Contract>, reactor: R) -> Self {
        ByHand(service.processor(Arc::new(reactor), CancellationToken::new()))
    }

    /// Holds these shards from now on, whoever held them before.
    pub async fn take(&self, shards: &[u32], owner: &str) -> Result<(), ReactError> {
        let mut connection = self.lane().pool().acquire().await?;
        self.lane().core.shards.assign(shards);
        Ok(self.lane().core.shards.take(&mut connection, shards, owner).await?)
    }

    pub fn lane(&self) -> &Lane<R::Contract> {
        &self.0.lane
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
        let position =
            Position { topic: self.0.lane.catalogue.topic_of(envelope.event_type).into(), partition, offset };
        Ok(Incoming::recorded(
            position,
            Some(R::Contract::key(event).into_bytes()),
            Some(self.0.lane.contract.encode(event)?),
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
    pub async fn pass_time(&self, due: &[R::Due]) -> Result<(), ReactError> {
        sweeper::decide(&*self.0.reactor, self.lane(), due, self.lane().now()).await
    }

    /// Gives back what the inbox need not remember any more.
    pub async fn tidy(&self, retention: Duration) -> Result<(), ReactError> {
        tidy::tidy(self.lane().pool(), self.lane().now(), retention).await?;
        Ok(())
    }

    /// Redrives what was asked for, as the service does between two batches.
    pub async fn redrive(&self) {
        // Nobody stops it, so it comes to an end.
        self.0.redrive().await.unwrap_or_default();
    }

    /// Finds what is due and decides it, however long ago that was.
    pub async fn sweep(&self) -> Result<usize, ReactError> {
        let (lane, now) = (self.lane(), self.lane().now());
        let due = {
            let mut connection = lane.pool().acquire().await?;
            self.0.reactor.due(&mut connection, Micros(0), now).await?
        };
        if !due.is_empty() {
            sweeper::decide(&*self.0.reactor, lane, &due, now).await?;
        }
        Ok(due.len())
    }
}
