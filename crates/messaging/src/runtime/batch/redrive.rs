//! Redrives parked events: one transaction for each, since some are expected to fail again.

use std::time::SystemTime;

use minuet_envelope::ParkReason;
use minuet_telemetry::error_chain;
use tracing::{info, warn};

use super::item::claim;
use super::{Processor, Stopped, subject_of};
use crate::observe::meters::Steps;
use crate::observe::processing::Processing;
use crate::observe::spans::{self, ProcessOutcome};
use crate::runtime::policy::{Verdict, verdict};
use crate::store::context::{Committed, Ending, Opened};
use crate::store::dead_letters::Reason;
use crate::store::dead_letters::redrive::{self, RedriveRequest, StoredMessage};
use crate::store::inbox::Claims;
use crate::{BatchHandler, Counts, Dependency, Incoming, OutboxEvent, ReactError, Received};

/// The result of redriving one dead letter.
enum RedriveStep {
    Done,
    /// It was discarded in the meantime.
    Gone,
    Parked(Reason),
    /// Another instance owns its shard now and continues.
    Left,
}

impl<R: BatchHandler> Processor<R> {
    /// Redrives the requested dead letters of the held shards. If the database is away, the next poll tries again.
    pub(crate) async fn redrive(&self) -> Result<(), Stopped> {
        loop {
            let shards: Vec<u32> =
                self.context.core.shards.held().into_iter().map(|(shard, _)| shard).collect();
            let done = match self
                .context
                .with_connection(async |connection| RedriveRequest::next(connection, &shards).await)
                .await
            {
                Ok(None) => return Ok(()),
                Ok(Some(asked)) => self.redrive_all(&asked).await?,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                warn!(error = error_chain(&error), "requested redrives could not be read; it is retried");
                return Ok(());
            }
        }
    }

    async fn redrive_all(&self, asked: &RedriveRequest) -> Result<Result<(), sqlx::Error>, Stopped> {
        for &id in &asked.ids {
            let begun = SystemTime::now();
            match self.redrive_one(id, asked.shard).await? {
                RedriveStep::Done | RedriveStep::Gone => {}
                RedriveStep::Left => return Ok(Ok(())),
                // Later ones of the key stay, too. One outside any order is alone.
                RedriveStep::Parked(reason) => return Ok(self.stays(asked, id, &reason, begun).await),
            }
        }
        Ok(self.context.with_connection(async |connection| asked.answered(connection).await).await)
    }

    async fn stays(
        &self,
        asked: &RedriveRequest,
        id: i64,
        reason: &Reason,
        begun: SystemTime,
    ) -> Result<(), sqlx::Error> {
        if let Some(letter) = self.letter(id).await? {
            minuet_telemetry::within(None, subject_of::<R::Contract>(&letter.incoming), || {
                warn!(
                    dead_letter_id = id,
                    reason = reason.code.code(),
                    detail = reason.storable(),
                    "redrive failed; the event stays parked"
                );
            });
            self.batch_spans(begun).record_still_parked(&letter, reason);
        }
        self.context.with_connection(async |connection| asked.failed(connection, id, reason).await).await
    }

    async fn letter(&self, id: i64) -> Result<Option<StoredMessage>, sqlx::Error> {
        self.context.with_connection(async |connection| redrive::letter(connection, id).await).await
    }

    /// The spans of a transaction for one event.
    fn batch_spans(&self, begun: SystemTime) -> spans::Batch<'_, R::Contract> {
        spans::Batch { context: &self.context, begun, opened: begun, failures: &[] }
    }

    async fn redrive_one(&self, id: i64, shard: u32) -> Result<RedriveStep, Stopped> {
        let mut waits = 0;
        loop {
            let error = match self.try_redrive(id, shard).await {
                Ok(redriven) => {
                    self.health.up(Dependency::Postgres);
                    return Ok(redriven);
                }
                Err(error) => error,
            };
            match verdict(&error) {
                Verdict::Transient => {
                    self.away(&error);
                    self.pause(waits, &error).await?;
                    waits += 1;
                }
                Verdict::Fenced => return Ok(RedriveStep::Left),
                Verdict::Permanent(code) => {
                    return Ok(RedriveStep::Parked(Reason::after_one_attempt(code, error_chain(&error))));
                }
            }
        }
    }

    /// Deletes the dead letter in the transaction in which its event takes effect. Its inbox row exists if it was
    /// claimed when it was parked; else it is claimed now, and a duplicate that was processed in the meantime counts.
    async fn try_redrive(&self, id: i64, shard: u32) -> Result<RedriveStep, ReactError> {
        let begun = SystemTime::now();
        let Some(letter) = self.letter(id).await? else {
            return Ok(RedriveStep::Gone);
        };
        let StoredMessage { incoming, claimed, parked_at } = letter;
        let incoming = match self.whole(incoming).await {
            Ok(incoming) => incoming,
            Err(detail) => {
                let reason = Reason::after_one_attempt(ParkReason::TooLarge, detail);
                return Ok(RedriveStep::Parked(reason));
            }
        };
        let order = subject_of::<R::Contract>(&incoming);
        let topic = self.context.core.topic_of(&incoming);
        let content = match self.decoder.decode(&incoming, &topic, &self.context.catalogue).await {
            Ok(Ok(content)) => content,
            Ok(Err(reason)) => return Ok(RedriveStep::Parked(reason)),
            Err(away) => return Ok(RedriveStep::Parked(super::unresolved(&away, 1))),
        };
        let wanted = content.as_ref().filter(|_| claimed.is_none());
        let wanted = wanted.and_then(|content| claim(content, &self.context.catalogue));
        let shards = [shard].into();
        let work = async |opened: Opened<'_>| {
            let is_fresh = wanted.is_none_or(|id| opened.claimed.contains(&id));
            if !redrive::take(opened.connection, id).await? {
                return Ok(Ending::RollBack(Err(RedriveStep::Gone)));
            }
            let new = content.filter(|_| is_fresh);
            let events: Vec<Received<R::Contract>> =
                new.map(|content| self.received(incoming, content, Some(parked_at))).into_iter().collect();
            let handled = self.react(opened.connection, &events.iter().collect::<Vec<_>>()).await?;
            if let Some(refusal) = handled.illegal.into_iter().next() {
                let reason = Reason::after_one_attempt(ParkReason::Illegal, refusal.detail);
                return Ok(Ending::RollBack(Err(RedriveStep::Parked(reason))));
            }
            let caused = match events.first().and_then(|event| event.processing.as_ref()) {
                Some(Processing { context, parked: Some((parked, _)), .. }) => {
                    let redriven = |event: OutboxEvent<R::Contract>| event.redriven(context, parked);
                    handled.events.into_iter().map(redriven).collect()
                }
                _ => handled.events,
            };
            let result = Ok((events, handled.applied.is_empty(), handled.no_ops, handled.after));
            Ok(Ending::Commit { events: caused, writes: handled.writes, result })
        };
        let claims = Claims { ids: wanted.as_slice(), next: None };
        let done = self.context.claiming(&shards, claims, &mut Steps::begin(), work).await?;
        let Committed { result, events: emissions } = done;
        let (events, is_no_op, no_ops, after) = match result {
            Ok(redriven) => redriven,
            Err(step) => return Ok(step),
        };
        minuet_telemetry::within(None, order, || info!(dead_letter_id = id, "event redriven"));
        self.record_redriven(&events, is_no_op, &emissions, begun);
        Counts::add(&self.counts.processed, events.len());
        Counts::add(&self.counts.no_ops, no_ops);
        self.handler.committed(after);
        Ok(RedriveStep::Done)
    }

    /// The message as it came. Of one that was cut the table has the beginning and its topic the whole.
    async fn whole(&self, incoming: Incoming) -> Result<Incoming, String> {
        let Some(original) = &incoming.original else { return Ok(incoming) };
        let again = self.originals.read(&incoming.position).await;
        let again = again.map_err(|error| {
            format!("the whole message is needed, and {}: {}", incoming.position, error_chain(&error))
        })?;
        if again.measured() == *original {
            Ok(again)
        } else {
            Err(format!("another message lies at {} now: the topic was created again", incoming.position))
        }
    }

    fn record_redriven(
        &self,
        events: &[Received<R::Contract>],
        is_no_op: bool,
        emissions: &[OutboxEvent<R::Contract>],
        begun: SystemTime,
    ) {
        let outcome = if is_no_op { ProcessOutcome::NoOp } else { ProcessOutcome::Applied };
        let recorded = events.iter().filter(|event| event.processing.is_some());
        let outcomes: Vec<(&Received<R::Contract>, ProcessOutcome)> =
            recorded.map(|event| (event, outcome)).collect();
        self.batch_spans(begun).record(&outcomes, &[], emissions, SystemTime::now());
    }
}
