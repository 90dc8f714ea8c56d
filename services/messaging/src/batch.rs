//! A batch of events as one transaction; and, when it fails, as two of half its size.

use std::collections::{BTreeSet, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

use futures::FutureExt;
use futures::future::BoxFuture;
use minuet_events::ids;
use minuet_events::values::OrderId;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};
use uuid::Uuid;

use crate::dead_letters::{self, Reason};
use crate::decode::Decoder;
use crate::fault::{Point, reach};
use crate::generations::Generations;
use crate::meters::Steps;
use crate::policy::{Verdict, back_off, chain, verdict};
use crate::spans::{self, Outcome};
use crate::{
    Content, Counts, Dependency, Health, Incoming, Lane, ReactError, Reacted, Reactor, Received, inbox,
};

pub(crate) struct Processor<R> {
    pub(crate) reactor: Arc<R>,
    pub(crate) lane: Lane,
    pub(crate) decoder: Decoder,
    pub(crate) health: Health,
    pub(crate) counts: Arc<Counts>,
    pub(crate) attempts: u32,
    pub(crate) shutdown: CancellationToken,
}

/// The service is stopping, and what was under way is left to the next start.
pub(crate) struct Stopped;

/// An unreadable message, and why.
type Unreadable = (Incoming, Reason);

impl<R: Reactor> Processor<R> {
    /// Processes the messages to their end: committed, parked or skipped. Answers with the shards whose messages were left to
    /// another owner.
    pub(crate) async fn process(&self, messages: Vec<Incoming>) -> Result<HashSet<u32>, Stopped> {
        let begun = SystemTime::now();
        let (mut events, mut unreadable) = (Vec::with_capacity(messages.len()), Vec::new());
        for message in messages {
            match self.decode(&message).await? {
                Ok(None) => {}
                Ok(Some(content)) => events.push(self.received(message, content)),
                Err(reason) => unreadable.push((message, reason)),
            }
        }
        if events.is_empty() && unreadable.is_empty() {
            return Ok(HashSet::new());
        }
        self.settle(begun, events, unreadable).await
    }

    /// From here on the event's trace goes on under the span that processes it, if anybody records it.
    fn received(&self, incoming: Incoming, mut content: Content) -> Received {
        let processing = match &mut content {
            Content::Event(content) => {
                let trace = &mut content.0.trace;
                let processing = spans::processing(&self.lane, &incoming, trace);
                if let Some(processing) = &processing {
                    trace.clone_from(&processing.context);
                }
                processing
            }
            Content::Erased { .. } => None,
        };
        Received { incoming, content, processing }
    }

    /// Asks until the registry answers.
    async fn decode(&self, message: &Incoming) -> Result<Result<Option<Content>, Reason>, Stopped> {
        let mut attempt = 0;
        loop {
            match self.decoder.decode(message, &self.lane.catalogue).await {
                Ok(decoded) => {
                    if attempt > 0 {
                        self.health.up(Dependency::Registry);
                    }
                    return Ok(decoded);
                }
                Err(away) => {
                    self.health.down(Dependency::Registry, "the schema of a message cannot be fetched");
                    self.pause(attempt, &away).await?;
                    attempt += 1;
                }
            }
        }
    }

    /// Boxed, since a half is settled like the whole.
    fn settle(
        &self,
        begun: SystemTime,
        mut events: Vec<Received>,
        mut unreadable: Vec<Unreadable>,
    ) -> BoxFuture<'_, Result<HashSet<u32>, Stopped>> {
        async move {
            let (mut waits, mut failures, mut left) = (0, 0, HashSet::new());
            let mut tries: Vec<spans::Failure> = Vec::new();
            loop {
                let error = match self.attempt(begun, &tries, &events, &unreadable).await {
                    Ok(after) => {
                        self.health.up(Dependency::Postgres);
                        self.reactor.committed(after);
                        return Ok(left);
                    }
                    Err(error) => error,
                };
                tries.push((SystemTime::now(), chain(&error)));
                match verdict(&error) {
                    Verdict::Transient => {
                        if matches!(error, ReactError::Database(_)) {
                            self.health.down(
                                Dependency::Postgres,
                                "the database does not answer, or asks to try again",
                            );
                        }
                        self.pause(waits, &error).await?;
                        waits += 1;
                    }
                    Verdict::Fenced => {
                        let ReactError::Fenced(lost) = &error else { continue };
                        warn!(shards = ?lost, "shards were taken by another instance");
                        let kept = |incoming: &Incoming| !lost.contains(&shard(incoming));
                        left.extend(lost);
                        events.retain(|event| kept(&event.incoming));
                        unreadable.retain(|(incoming, _)| kept(incoming));
                        if events.is_empty() && unreadable.is_empty() {
                            return Ok(left);
                        }
                    }
                    Verdict::Permanent(_) if events.len() > 1 => {
                        debug!(events = events.len(), error = chain(&error), "halving a batch");
                        let second = events.split_off(events.len() / 2);
                        left.extend(self.settle(begun, events, unreadable).await?);
                        // What comes behind an event that was left must be left as well.
                        let mut second = second;
                        second.retain(|event| !left.contains(&shard(&event.incoming)));
                        if second.is_empty() {
                            return Ok(left);
                        }
                        left.extend(self.settle(begun, second, Vec::new()).await?);
                        return Ok(left);
                    }
                    Verdict::Permanent(code) => {
                        failures += 1;
                        let Some(alone) = events.pop() else {
                            // Nothing but the parking itself was in it: the database does not take it as it is.
                            error!(error = chain(&error), "a message cannot even be parked");
                            self.pause(failures, &error).await?;
                            continue;
                        };
                        if failures < self.attempts {
                            events.push(alone);
                            self.pause(failures, &error).await?;
                        } else {
                            let reason = Reason { code, detail: chain(&error) };
                            unreadable.push((alone.incoming, reason));
                        }
                    }
                }
            }
        }
        .boxed()
    }

    /// One transaction: fence, claim, park, react, publish.
    async fn attempt(
        &self,
        begun: SystemTime,
        tries: &[spans::Failure],
        events: &[Received],
        unreadable: &[Unreadable],
    ) -> Result<R::After, ReactError> {
        let opened = SystemTime::now();
        let shards: BTreeSet<u32> = events
            .iter()
            .map(|e| shard(&e.incoming))
            .chain(unreadable.iter().map(|(i, _)| shard(i)))
            .collect();
        let shards: Vec<u32> = shards.into_iter().collect();
        let mut steps = Steps::begin();
        let mut transaction = self.lane.begin(&shards).await?;
        steps.done("begin");
        let connection = transaction.connection();

        let claims: Vec<Option<Uuid>> = events.iter().map(|event| self.claim(event)).collect();
        let mut wanted: Vec<Uuid> = claims.iter().flatten().copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut new = inbox::claim(connection, &wanted).await?;
        reach(Point::AfterClaim);
        steps.done("claim");
        // The first of several with one id is the one that counts.
        let fresh: Vec<&Received> = events
            .iter()
            .zip(&claims)
            .filter(|(_, claim)| claim.is_none_or(|id| new.remove(&id)))
            .map(|(event, _)| event)
            .collect();

        let mut parked = Vec::new();
        for (incoming, reason) in unreadable {
            if self.park(connection, incoming, reason).await? {
                parked.push(reason.code);
            }
        }
        let reacting = self.reactor.react(connection, self.lane.now(), &fresh);
        let reacted = AssertUnwindSafe(reacting)
            .catch_unwind()
            .await
            .map_err(|panic| ReactError::Panic(panic_text(&*panic)))??;
        for refusal in &reacted.refusals {
            if let Some(event) = fresh.get(refusal.index) {
                let reason = Reason { code: "illegal", detail: refusal.detail.clone() };
                if self.park(connection, &event.incoming, &reason).await? {
                    parked.push(reason.code);
                }
            }
        }
        steps.done("react");
        transaction.commit(&reacted.emissions).await?;
        steps.done("commit");
        if self.lane.tracer.is_on() {
            let batch = spans::Batch { lane: &self.lane, begun, opened, failures: tries };
            tell(&batch, events, unreadable, &fresh, &reacted);
        }

        Counts::add(&self.counts.processed, fresh.len() - reacted.refusals.len());
        Counts::add(&self.counts.duplicates, events.len() - fresh.len());
        Counts::add(&self.counts.parked, parked.len());
        self.lane.instruments.parked(&parked);
        self.lane.instruments.committed(&steps);
        Ok(reacted.after)
    }

    /// The inbox id. What lies on a compacted topic has none: it is applied by its position.
    fn claim(&self, event: &Received) -> Option<Uuid> {
        match &event.content {
            Content::Event(content) => {
                let (envelope, _) = &**content;
                let topic = self.lane.catalogue.topic_of(envelope.event_type);
                (!self.lane.catalogue.is_compacted(topic))
                    .then(|| ids::inbox_id(&envelope.source, envelope.id))
            }
            Content::Erased { .. } => None,
        }
    }

    async fn park(
        &self,
        connection: &mut sqlx::PgConnection,
        incoming: &Incoming,
        reason: &Reason,
    ) -> Result<bool, sqlx::Error> {
        let Reason { code, detail } = reason;
        let key = incoming.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        minuet_telemetry::within(None, key.and_then(order_of), || {
            warn!(position = %incoming.position, reason = code, detail, "event parked");
        });
        dead_letters::park(connection, incoming, reason, self.attempts).await
    }

    async fn pause(&self, attempt: u32, error: &(dyn std::error::Error + Sync)) -> Result<(), Stopped> {
        Counts::add(&self.counts.retries, 1);
        warn!(attempt, error = chain(error), "trying again");
        tokio::select! {
            () = self.shutdown.cancelled() => Err(Stopped),
            () = tokio::time::sleep(back_off(attempt)) => Ok(()),
        }
    }
}

/// The shard in whose name a message is processed: the partition it came in on.
pub(crate) fn shard(incoming: &Incoming) -> u32 {
    incoming.position.partition.unsigned_abs()
}

/// An order's key is its id.
fn order_of(key: &str) -> Option<String> {
    OrderId::parse(key).ok().map(|order| order.to_string())
}

/// What became of each event whose trace is recorded.
fn tell<A>(
    batch: &spans::Batch<'_>,
    events: &[Received],
    unreadable: &[Unreadable],
    fresh: &[&Received],
    reacted: &Reacted<A>,
) {
    let applied: HashSet<usize> = reacted.applied.iter().copied().collect();
    let mut outcomes = Vec::new();
    let mut new = fresh.iter().enumerate().peekable();
    for event in events {
        let place = new.next_if(|(_, fresh)| std::ptr::eq(**fresh, event)).map(|(place, _)| place);
        if event.processing.is_none() {
            continue;
        }
        let outcome = match place {
            None => Outcome::Duplicate,
            Some(place) if applied.contains(&place) => Outcome::Applied,
            Some(_) => Outcome::NoOp,
        };
        let refused = reacted.refusals.iter().find(|refusal| Some(refusal.index) == place);
        outcomes.push((event, outcome, refused.map(|refusal| refusal.detail.as_str())));
    }
    let parked: Vec<(&Incoming, &Reason)> =
        unreadable.iter().map(|(incoming, reason)| (incoming, reason)).collect();
    batch.tell(&outcomes, &parked, &reacted.emissions, SystemTime::now());
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Which messages of a batch may be processed: those whose partition has not been given away since they were fetched.
pub(crate) fn current(messages: Vec<Incoming>, generations: &Generations) -> Vec<Incoming> {
    let of = |message: &Incoming| generations.of(&message.position.topic, message.position.partition);
    messages.into_iter().filter(|message| message.generation == of(message)).collect()
}

/// The shards that must be held before these messages are processed.
pub(crate) fn shards_of(messages: &[Incoming]) -> HashSet<u32> {
    messages.iter().map(shard).collect()
}
