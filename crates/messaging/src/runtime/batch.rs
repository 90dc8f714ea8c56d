//! Processes a batch of events in one transaction. A batch that fails permanently is split in two halves.

mod item;
mod redrive;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::FutureExt;
use futures::future::BoxFuture;
use minuet_envelope::{Contract, Micros, ParkReason, ResolveError};
use minuet_telemetry::error_chain;
use parking_lot::Mutex;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};
use uuid::Uuid;

use crate::failpoint::{Failpoint, hit};
use crate::kafka::original::Originals;
use crate::kafka::revocations::RevocationEpochs;
use crate::observe::meters::Steps;
use crate::observe::spans::{self, ProcessOutcome};
use crate::runtime::decode::Decoder;
use crate::runtime::policy::{Verdict, back_off, verdict};
use crate::store::context::{Committed, Ending, Opened, Scope};
use crate::store::dead_letters::{self, NewDeadLetter, OrderingKey, Reason, event_parked};
use crate::store::inbox::Claims;
use crate::store::positions::Next;
use crate::{
    BatchHandler, Content, Counts, Dependency, Handled, Health, Incoming, OutboxEvent, Position, ReactError,
    Reads, Received, Rows, ServiceContext, Writes,
};
use item::Item;

/// Maximum wait of an intake topic for the registry: time for a restart of it. After that, messages with unknown
/// schemas are parked.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);
/// Time after that wait in which messages with unknown schemas are parked at once, so that many of them do not hold up
/// all other messages.
const REGISTRY_COOLDOWN: Duration = Duration::from_secs(5);

pub(crate) struct Processor<R: BatchHandler> {
    pub(crate) handler: Arc<R>,
    pub(crate) context: ServiceContext<R::Contract>,
    pub(crate) decoder: Decoder<R::Contract>,
    pub(crate) health: Health,
    pub(crate) counts: Arc<Counts>,
    pub(crate) attempts: u32,
    pub(crate) registry_given_up: Mutex<Option<Instant>>,
    /// Positions that committed transactions have recorded.
    pub(crate) recorded: Mutex<Next>,
    /// Reads messages again that were too large to be kept.
    pub(crate) originals: Originals,
    pub(crate) shutdown: CancellationToken,
}

/// The service stops; work in flight is left to the next start.
pub(crate) struct Stopped;

/// Indexes of the items that the domain calls illegal, with reasons.
type Refused = Vec<(usize, String)>;

/// The result of a transaction that did not fail.
enum Attempted<A> {
    Done(A),
    /// Nothing was committed.
    Refused(Refused),
}

/// The work of a transaction.
struct Worked<'i, R: BatchHandler> {
    /// Indexes of the items that no earlier transaction has claimed.
    fresh: Vec<usize>,
    /// The handled events with their indexes among the items.
    events: Vec<(usize, &'i Received<R::Contract>)>,
    /// Reason codes of the parked items.
    parked: Vec<ParkReason>,
    /// Indexes among `events`.
    applied: Vec<usize>,
    no_ops: usize,
    after: R::After,
}

impl<R: BatchHandler> Processor<R> {
    /// Processes the messages until each is committed, parked or skipped. Returns the shards whose messages were left
    /// to another owner. `next`: the positions after these messages and after skipped messages before them; the last
    /// transaction records the positions of its shards.
    pub(crate) async fn process(
        &self,
        messages: Vec<Incoming>,
        next: &Next,
    ) -> Result<HashSet<u32>, Stopped> {
        let begun = SystemTime::now();
        let mut items = Vec::with_capacity(messages.len());
        for mut incoming in messages {
            incoming.topic_id = self.context.core.topic_ids.of(&incoming.position.topic);
            match self.decode(&incoming).await? {
                Ok(None) => {}
                Ok(Some(content)) => items.push(Item::Event(self.received(incoming, content, None))),
                Err(reason) => items.push(Item::Poison { incoming, claim: None, reason }),
            }
        }
        if items.is_empty() { Ok(HashSet::new()) } else { self.settle(begun, items, next).await }
    }

    /// The event continues its trace under the span that processes it, if the trace is recorded. `parked_at`: the time
    /// of parking, for a redrive.
    fn received(
        &self,
        incoming: Incoming,
        mut content: Content<R::Contract>,
        parked_at: Option<Micros>,
    ) -> Received<R::Contract> {
        let processing = match &mut content {
            Content::Event(content) => {
                let trace = &mut content.0.trace;
                let processing = match parked_at {
                    None => spans::processing(&self.context.core, &incoming, trace),
                    Some(at) => spans::redriving(&self.context.core, &incoming, trace, at),
                };
                if let Some(processing) = &processing {
                    trace.clone_from(&processing.context);
                }
                processing
            }
            Content::Tombstone { .. } => None,
        };
        Received { incoming, content, processing }
    }

    /// Decodes a message; waits while the registry is away, on intake topics for a limited time.
    async fn decode(
        &self,
        message: &Incoming,
    ) -> Result<Result<Option<Content<R::Contract>>, Reason>, Stopped> {
        let (mut attempt, since) = (0, Instant::now());
        let topic = self.context.core.topic_of(message);
        let is_intake = dead_letters::ordering_key(message, &self.context.catalogue, &topic).is_none();
        loop {
            match self.decoder.decode(message, &topic, &self.context.catalogue).await {
                Ok(decoded) => {
                    if attempt > 0 {
                        self.health.up(Dependency::Registry);
                    }
                    return Ok(decoded);
                }
                Err(away) => {
                    self.health.down(Dependency::Registry, "the schema of a message cannot be fetched");
                    attempt += 1;
                    if is_intake && self.gives_up(since) {
                        return Ok(Err(unresolved(&away, attempt)));
                    }
                    self.pause(attempt, &away).await?;
                }
            }
        }
    }

    fn gives_up(&self, since: Instant) -> bool {
        let mut given_up = self.registry_given_up.lock();
        let recently = given_up.is_some_and(|at| at.elapsed() < REGISTRY_COOLDOWN);
        if !recently && since.elapsed() < REGISTRY_TIMEOUT {
            return false;
        }
        *given_up = Some(Instant::now());
        true
    }

    /// Processes the items until none is left. Boxed because it recurses for halves.
    fn settle<'a>(
        &'a self,
        begun: SystemTime,
        mut items: Vec<Item<R::Contract>>,
        next: &'a Next,
    ) -> BoxFuture<'a, Result<HashSet<u32>, Stopped>> {
        async move {
            let (mut waits, mut failures, mut left) = (0, 0, HashSet::new());
            let mut tries: Vec<spans::Failure> = Vec::new();
            loop {
                let error = match self.attempt(begun, &tries, &items, next).await {
                    Ok(Attempted::Done(after)) => {
                        self.health.up(Dependency::Postgres);
                        self.context.core.batch_in_flight.committed();
                        self.handler.committed(after);
                        return Ok(left);
                    }
                    Ok(Attempted::Refused(refused)) => {
                        items = self.set_aside(items, refused);
                        continue;
                    }
                    Err(error) => error,
                };
                tries.push((SystemTime::now(), error_chain(&error)));
                match verdict(&error) {
                    Verdict::Transient => {
                        self.away(&error);
                        self.pause(waits, &error).await?;
                        waits += 1;
                    }
                    Verdict::Fenced => {
                        let ReactError::Fenced(lost) = &error else { continue };
                        warn!(shards = ?lost, "shards were lost to another instance; their messages are left to it");
                        left.extend(lost);
                        items.retain(|item| !lost.contains(&shard(item.incoming())));
                        if items.is_empty() {
                            return Ok(left);
                        }
                    }
                    Verdict::Permanent(_) if items.len() > 1 => {
                        debug!(error = error_chain(&error), messages = items.len(), "batch is halved");
                        let mut second = items.split_off(items.len() / 2);
                        left.extend(self.settle(begun, items, &Next::new()).await?);
                        // Later events of these shards must be left, too.
                        second.retain(|item| !left.contains(&shard(item.incoming())));
                        if !second.is_empty() {
                            left.extend(self.settle(begun, second, next).await?);
                        }
                        return Ok(left);
                    }
                    Verdict::Permanent(code) => {
                        failures += 1;
                        if !items.iter().any(Item::is_event) {
                            // The transaction contained only the parking: the database refuses it.
                            error!(error = error_chain(&error), "message could not be parked; it is retried");
                        } else if failures >= self.attempts {
                            let reason = Reason { code, detail: error_chain(&error), attempts: failures };
                            items = self.set_aside_all(items, &reason);
                            continue;
                        }
                        self.pause(failures, &error).await?;
                    }
                }
            }
        }
        .boxed()
    }

    /// Marks refused items for parking, of each key only the first: a later one may have been refused because of an
    /// event that waits behind the first from now on.
    fn set_aside(
        &self,
        items: Vec<Item<R::Contract>>,
        refused: Vec<(usize, String)>,
    ) -> Vec<Item<R::Contract>> {
        let mut refused: HashMap<usize, String> = refused.into_iter().collect();
        let mut keys = HashSet::new();
        let aside = |(index, item): (usize, Item<R::Contract>)| match refused.remove(&index) {
            Some(detail) if keys.insert(item.incoming().key.clone()) => {
                item.poison(Reason::after_one_attempt(ParkReason::Illegal, detail), &self.context.catalogue)
            }
            _ => item,
        };
        items.into_iter().enumerate().map(aside).collect()
    }

    fn set_aside_all(&self, items: Vec<Item<R::Contract>>, reason: &Reason) -> Vec<Item<R::Contract>> {
        items.into_iter().map(|item| item.poison(reason.clone(), &self.context.catalogue)).collect()
    }

    /// One transaction: fence, claim, park, handle, append to the outbox. Without locks first, if nothing speaks against it.
    async fn attempt(
        &self,
        begun: SystemTime,
        tries: &[spans::Failure],
        items: &[Item<R::Contract>],
        next: &Next,
    ) -> Result<Attempted<R::After>, ReactError> {
        let opened = SystemTime::now();
        let shards: BTreeSet<u32> = items.iter().map(|item| shard(item.incoming())).collect();
        let claims: Vec<Option<Uuid>> =
            items.iter().map(|item| item.claim(&self.context.catalogue)).collect();
        let mut wanted: Vec<Uuid> = claims.iter().flatten().copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let next = positions(items, next, &shards);
        let mut steps = Steps::begin();
        let claiming = Claims { ids: &wanted, next: Some(&next) };
        // What failed before, and an event that is in the batch twice, is left to the locking way.
        let is_plain = tries.is_empty() && wanted.len() == claims.iter().flatten().count();
        let mut committed = None;
        if is_plain {
            committed = self.without_locks(items, &shards, claiming, &mut steps).await?;
        }
        let Committed { result: worked, events: emissions } = match committed {
            Some(committed) => committed,
            None => {
                steps = Steps::begin();
                let work = async |opened: Opened<'_>| self.work(opened, claims, items).await;
                let Committed { result, events } =
                    self.context.claiming(&shards, claiming, &mut steps, work).await?;
                match result {
                    Ok(result) => Committed { result, events },
                    Err(refused) => return Ok(Attempted::Refused(refused)),
                }
            }
        };
        let Worked { fresh, events, parked, applied, no_ops, after } = worked;
        self.recorded.lock().extend(next);
        if self.context.core.tracer.is_on() {
            let batch = spans::Batch { context: &self.context, begun, opened, failures: tries };
            let applied =
                applied.into_iter().filter_map(|of| events.get(of)).map(|(index, _)| *index).collect();
            record_spans(&batch, items, &fresh, &events, &applied, &emissions);
        }

        Counts::add(&self.counts.processed, events.len());
        Counts::add(&self.counts.no_ops, no_ops);
        Counts::add(&self.counts.duplicates, items.len() - fresh.len());
        Counts::add(&self.counts.parked, parked.len());
        self.context.core.instruments.parked(&parked);
        self.context.core.instruments.committed(&steps);
        Ok(Attempted::Done(after))
    }

    /// The work between fence and commit: park and handle.
    async fn work<'i>(
        &self,
        opened: Opened<'_>,
        claims: Vec<Option<Uuid>>,
        items: &'i [Item<R::Contract>],
    ) -> Result<Ending<R::Contract, Result<Worked<'i, R>, Refused>>, ReactError> {
        hit(Failpoint::AfterClaim);
        let Opened { connection, something_waits, claimed: mut new } = opened;
        // The first of several items with one id counts.
        let is_fresh =
            |(index, claim): (usize, Option<Uuid>)| claim.is_none_or(|id| new.remove(&id)).then_some(index);
        let fresh: Vec<usize> = claims.into_iter().enumerate().filter_map(is_fresh).collect();
        let mut waiting = match something_waits {
            true => {
                dead_letters::waiting(connection, fresh.iter().filter_map(|i| self.ordering_key(&items[*i])))
                    .await?
            }
            false => HashSet::new(),
        };
        let (mut events, mut parked, mut emissions) =
            (Vec::with_capacity(fresh.len()), Vec::new(), Vec::new());
        for &index in &fresh {
            let Some(item) = items.get(index) else { continue };
            match item {
                Item::Event(received) if !self.waits(item, &waiting) => events.push((index, received)),
                item => {
                    if let Some((code, emission)) = self.park(connection, item, &mut waiting).await? {
                        parked.push(code);
                        emissions.extend(emission);
                    }
                }
            }
        }
        let received: Vec<&Received<R::Contract>> = events.iter().map(|(_, received)| *received).collect();
        let handled = self.react(connection, &received).await?;
        if !handled.illegal.is_empty() {
            let index = |of: usize| events.get(of).map(|(index, _)| *index);
            let refused = handled.illegal.into_iter().filter_map(|r| Some((index(r.index)?, r.detail)));
            return Ok(Ending::RollBack(Err(refused.collect())));
        }
        let Handled { events: caused, applied, no_ops, writes, after, .. } = handled;
        emissions.extend(caused);
        Ok(Ending::Commit {
            events: emissions,
            writes,
            result: Ok(Worked { fresh, events, parked, applied, no_ops, after }),
        })
    }

    async fn react(
        &self,
        connection: &mut PgConnection,
        events: &[&Received<R::Contract>],
    ) -> Result<Handled<R::Contract, R::After>, ReactError> {
        let reacting = self.handler.react(connection, self.context.now(), events);
        AssertUnwindSafe(reacting)
            .catch_unwind()
            .await
            .map_err(|panic| ReactError::Panic(panic_text(&*panic)))?
    }

    /// Reads, decides and writes in two statements. `None`: the batch needs locks, or parks something.
    async fn without_locks<'i>(
        &self,
        items: &'i [Item<R::Contract>],
        shards: &BTreeSet<u32>,
        claims: Claims<'_>,
        steps: &mut Steps,
    ) -> Result<Option<Committed<R::Contract, Worked<'i, R>>>, ReactError> {
        let event = |(index, item): (usize, &'i Item<R::Contract>)| match item {
            Item::Event(received) => Some((index, received)),
            Item::Poison { .. } => None,
        };
        if self.context.core.contention.locks(shards, Instant::now()) {
            return Ok(None);
        }
        let Some(events) = items.iter().enumerate().map(event).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let received: Vec<&Received<R::Contract>> = events.iter().map(|(_, received)| *received).collect();
        let mut reads = Reads::unlocked();
        self.handler.reads(&received, &mut reads);
        if reads.is_to_be_locked() {
            return Ok(None);
        }
        let keys = items.iter().filter_map(|item| self.ordering_key(item)).unzip();
        let decide = |rows: &Rows| {
            let deciding = || self.handler.decide(self.context.now(), &received, rows);
            let handled = std::panic::catch_unwind(AssertUnwindSafe(deciding))
                .map_err(|panic| ReactError::Panic(panic_text(&*panic)))??;
            let Handled { events: caused, illegal, applied, no_ops, writes, after } = handled;
            let fresh = (0..items.len()).collect();
            let worked = Worked { fresh, events, parked: Vec::new(), applied, no_ops, after };
            Ok(match illegal.is_empty() {
                true => Ending::Commit { events: caused, writes, result: worked },
                // Decided once more under locks, before an event is parked.
                false => Ending::RollBack(worked),
            })
        };
        self.context.unlocked(shards, Scope::Batch { claims, keys }, reads, steps, decide).await
    }

    fn ordering_key(&self, item: &Item<R::Contract>) -> Option<OrderingKey> {
        let topic = self.context.core.topic_of(item.incoming());
        dead_letters::ordering_key(item.incoming(), &self.context.catalogue, &topic)
    }

    fn waits(&self, item: &Item<R::Contract>, waiting: &HashSet<OrderingKey>) -> bool {
        !waiting.is_empty() && self.ordering_key(item).is_some_and(|place| waiting.contains(&place))
    }

    /// Parks the item; later items of its ordering key wait from now on. `None`: it was parked before.
    async fn park(
        &self,
        connection: &mut PgConnection,
        item: &Item<R::Contract>,
        waiting: &mut HashSet<OrderingKey>,
    ) -> Result<Option<(ParkReason, Option<OutboxEvent<R::Contract>>)>, sqlx::Error> {
        let (now, place) = (self.context.now(), self.ordering_key(item));
        let (incoming, at) = (item.incoming(), now.to_datetime());
        let parking = match item {
            Item::Event(_) => NewDeadLetter::behind(incoming, item.claim(&self.context.catalogue), at),
            Item::Poison { claim, reason, .. } => {
                let (claim, reason) = (*claim, reason.clone());
                NewDeadLetter { incoming, claim, reason, in_order: place.is_some(), at }
            }
        };
        if !parking.park(connection).await? {
            return Ok(None);
        }
        let Reason { code, attempts, .. } = &parking.reason;
        let detail = parking.reason.storable();
        minuet_telemetry::within(None, subject_of::<R::Contract>(incoming), || {
            warn!(position = %incoming.position, reason = code.code(), detail, attempts, "event parked");
        });
        waiting.extend(place);
        Ok(Some((*code, event_parked(&parking, &self.context.core.source, now))))
    }

    /// Records positions after messages that no transaction was needed for. `false`: the database does not answer, or
    /// another instance has taken a shard.
    pub(crate) async fn record(&self, next: &Next) -> bool {
        let shards: BTreeSet<u32> = next.keys().map(|(_, partition)| partition.unsigned_abs()).collect();
        let work = async |_: Opened<'_>| {
            Ok(Ending::Commit { events: Vec::new(), writes: Writes::default(), result: () })
        };
        let claims = Claims { ids: &[], next: Some(next) };
        match self.context.claiming(&shards, claims, &mut Steps::begin(), work).await {
            Ok(Committed { .. }) => true,
            Err(error) => {
                debug!(error = error_chain(&error), "positions could not be recorded; it is retried");
                false
            }
        }
    }

    fn away(&self, error: &ReactError) {
        if matches!(error, ReactError::Database(_)) {
            self.health.down(Dependency::Postgres, "the database does not answer, or asks to try again");
        }
    }

    async fn pause(&self, attempt: u32, error: &(dyn std::error::Error + Sync)) -> Result<(), Stopped> {
        Counts::add(&self.counts.retries, 1);
        warn!(error = error_chain(error), attempt, "processing failed; it is retried");
        tokio::select! {
            () = self.shutdown.cancelled() => Err(Stopped),
            () = tokio::time::sleep(back_off(attempt)) => Ok(()),
        }
    }
}

/// The positions after these items, and the positions in `next` of the same shards.
fn positions<C: Contract>(items: &[Item<C>], next: &Next, shards: &BTreeSet<u32>) -> Next {
    let mut positions: Next = next
        .iter()
        .filter(|((_, partition), _)| shards.contains(&partition.unsigned_abs()))
        .map(|(partition, offset)| (partition.clone(), *offset))
        .collect();
    for Position { topic, partition, offset } in items.iter().map(|item| &item.incoming().position) {
        let next = positions.entry((Arc::clone(topic), *partition)).or_default();
        *next = (*next).max(offset + 1);
    }
    positions
}

/// The key, if log lines name it.
fn subject_of<C: Contract>(incoming: &Incoming) -> Option<String> {
    let key = std::str::from_utf8(incoming.key.as_deref()?).ok()?;
    C::key_attribute(key).map(|_| key.to_owned())
}

/// Records the spans of the batch. `fresh`: the claimed items; `new`: the handled ones.
fn record_spans<C: Contract>(
    batch: &spans::Batch<'_, C>,
    items: &[Item<C>],
    fresh: &[usize],
    new: &[(usize, &Received<C>)],
    applied: &HashSet<usize>,
    emissions: &[OutboxEvent<C>],
) {
    let new: HashSet<usize> = new.iter().map(|(index, _)| *index).collect();
    let (mut outcomes, mut parked) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::Poison { incoming, reason, .. } => parked.push((incoming, reason)),
            Item::Event(event) if event.processing.is_some() => {
                let outcome = if applied.contains(&index) {
                    ProcessOutcome::Applied
                } else if new.contains(&index) {
                    ProcessOutcome::NoOp
                } else if fresh.binary_search(&index).is_ok() {
                    ProcessOutcome::Waits
                } else {
                    ProcessOutcome::Duplicate
                };
                outcomes.push((event, outcome));
            }
            Item::Event(_) => {}
        }
    }
    batch.record(&outcomes, &parked, emissions, SystemTime::now());
}

fn unresolved(away: &ResolveError, attempts: u32) -> Reason {
    Reason { code: ParkReason::UnknownSchema, detail: error_chain(away), attempts }
}

/// The shard of a message: the partition that it came in on.
pub(crate) fn shard(incoming: &Incoming) -> u32 {
    incoming.position.partition.unsigned_abs()
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// The messages whose partition was not revoked since they were fetched.
pub(crate) fn current(messages: Vec<Incoming>, revocations: &RevocationEpochs) -> Vec<Incoming> {
    let of = |message: &Incoming| revocations.of(&message.position.topic, message.position.partition);
    messages.into_iter().filter(|message| message.revocation_epoch == of(message)).collect()
}
