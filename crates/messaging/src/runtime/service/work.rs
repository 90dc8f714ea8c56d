//! The loop that takes batches, and redrives between two batches.

use std::sync::Arc;
use std::time::Duration;

use minuet_telemetry::error_chain;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::failpoint::{Failpoint, hit, hold};
use crate::kafka::consumer::{self, Polled};
use crate::kafka::fetch_buffer::BufferReceiver;
use crate::kafka::revocations::RevocationEpochs;
use crate::runtime::batch::{self, Processor, Stopped};
use crate::runtime::gaps::{self, Gap, Gaps};
use crate::runtime::policy::back_off;
use crate::runtime::sweeper::Processed;
use crate::store::positions::Next;
use crate::store::shards::Shards;
use crate::{BatchHandler, Incoming};

/// Poll interval for requested redrives: a person waits for the result.
const REDRIVE_POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Number of messages from which a batch counts as large: some hundred orders a second. The messages of one commit
/// arrive by partition, a few at a time; without lingering, the first few would start a batch, and the rest would stay
/// separate on every later hop.
const LARGE_BATCH: usize = 32;
/// The batch after a large one lingers for this multiple of the large one's duration: on a slow machine batches take
/// longer and messages arrive more slowly (docs/performance.md). Below that load no batch lingers.
const LINGER_FACTOR: u32 = 2;
/// Lower bound: a batch of duplicates reports almost no duration.
const MIN_LINGER: Duration = Duration::from_millis(20);
/// Upper bound: an order crosses five hops, so a linger is paid five times.
const MAX_LINGER: Duration = Duration::from_millis(60);

/// The consumer and the progress of the inputs.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) consumer: &'a Arc<Polled>,
    pub(super) revocations: &'a RevocationEpochs,
    pub(super) processed: &'a Processed,
    pub(super) gaps: &'a Gaps,
}

/// The previous batch.
#[derive(Clone, Copy, Default)]
struct Last {
    messages: usize,
    took: Duration,
}

impl Last {
    /// How long the next batch lingers.
    fn linger(self) -> Option<Duration> {
        (self.messages >= LARGE_BATCH).then(|| (self.took * LINGER_FACTOR).clamp(MIN_LINGER, MAX_LINGER))
    }
}

/// Takes batches and processes them until the poller ends or the service stops.
pub(super) async fn work<R: BatchHandler>(
    processor: &Processor<R>,
    input: Input<'_>,
    mut from: BufferReceiver,
    batch_size: usize,
    shutdown: &CancellationToken,
) {
    let shards = &processor.context.core.shards;
    let mut changed = shards.subscribe();
    let mut redrive_poll = tokio::time::interval(REDRIVE_POLL_INTERVAL);
    redrive_poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Messages of shards that are assigned and not acquired yet: they wait while others are processed.
    let mut early: Vec<Incoming> = Vec::new();
    let mut last = Last::default();
    let mut unrecorded = Next::new();
    loop {
        let mut messages = std::mem::take(&mut early);
        let room = batch_size.saturating_sub(messages.len());
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            change = changed.changed(), if !messages.is_empty() => if change.is_err() { return },
            _ = redrive_poll.tick() => {
                record(processor, input, &mut unrecorded).await;
                if processor.redrive().await.is_err() {
                    return;
                }
            }
            taken = from.take(&mut messages, room), if room > 0 => {
                if taken == 0 {
                    return;
                }
                linger(last, &mut from, &mut messages, batch_size).await;
            }
        }
        changed.mark_unchanged();
        let ours;
        (ours, early) = sort(shards, batch::current(messages, input.revocations));
        last = Last { messages: ours.len(), took: Duration::ZERO };
        if ours.is_empty() {
            continue;
        }
        hit(Failpoint::AfterPoll);
        hold(Failpoint::AfterPoll).await;
        let begun = Instant::now();
        if one_batch(processor, input, ours, &mut unrecorded).await.is_err() {
            return;
        }
        last.took = begun.elapsed();
    }
}

/// After a large batch: collects messages until this batch is full or the linger is over.
async fn linger(last: Last, from: &mut BufferReceiver, messages: &mut Vec<Incoming>, batch_size: usize) {
    let Some(time) = last.linger() else { return };
    let end = Instant::now() + time;
    while messages.len() < batch_size {
        match timeout_at(end, from.take(messages, batch_size - messages.len())).await {
            Ok(taken) if taken > 0 => {}
            _ => return,
        }
    }
}

/// Retried until it succeeds: a gap shows once. Where it lies on a broker or a database that is away, the batch could
/// not be processed either.
async fn look_into<R: BatchHandler>(processor: &Processor<R>, input: Input<'_>, gaps: Vec<Gap>) {
    let mut attempt = 0;
    while let Err(error) = gaps::look_into(&processor.context.core, input.consumer, gaps.clone()).await {
        warn!(error = error_chain(&error), "gaps between messages could not be looked into; it is retried");
        tokio::time::sleep(back_off(attempt)).await;
        attempt += 1;
    }
}

async fn one_batch<R: BatchHandler>(
    processor: &Processor<R>,
    input: Input<'_>,
    messages: Vec<Incoming>,
    unrecorded: &mut Next,
) -> Result<(), Stopped> {
    let mut next = Next::new();
    for Incoming { position, .. } in &messages {
        next.insert((Arc::clone(&position.topic), position.partition), position.offset + 1);
    }
    let at = messages.iter().map(|message| &message.position).map(|at| (&at.topic, at.partition, at.offset));
    let gaps = input.gaps.received(at);
    if !gaps.is_empty() {
        look_into(processor, input, gaps).await;
    }
    unrecorded.extend(next.iter().map(|(partition, offset)| (partition.clone(), *offset)));
    let core = &processor.context.core;
    core.batch_in_flight.begin(next.keys().cloned().collect());
    let taken = core.instruments.taken(&messages);
    let lost = processor.process(messages, unrecorded).await?;
    core.batch_in_flight.end();
    core.instruments.processed(taken);
    // Messages that were left to another owner are not done: that owner reads them from the committed offset.
    for positions in [&mut next, &mut *unrecorded] {
        positions.retain(|(_, partition), _| !lost.contains(&partition.unsigned_abs()));
    }
    input.processed.advance(&next);
    store_recorded(processor, input, unrecorded);
    hit(Failpoint::AfterStoreOffset);
    Ok(())
}

/// Stores the offsets that the database has recorded. The others wait for the next batch of their shard, or for
/// [`record`]: a group that were ahead of the database would look as if the database had been put back.
fn store_recorded<R: BatchHandler>(processor: &Processor<R>, input: Input<'_>, unrecorded: &mut Next) {
    let recorded = std::mem::take(&mut *processor.recorded.lock());
    unrecorded.retain(|partition, next| recorded.get(partition).is_none_or(|recorded| recorded < next));
    if !recorded.is_empty() {
        consumer::store_offsets(input.consumer, &recorded);
    }
}

/// Records the positions after messages of which none needed a transaction: events that the service does not consume.
async fn record<R: BatchHandler>(processor: &Processor<R>, input: Input<'_>, unrecorded: &mut Next) {
    unrecorded.retain(|(_, partition), _| processor.context.holds(partition.unsigned_abs()));
    if unrecorded.is_empty() {
        return;
    }
    if processor.record(unrecorded).await {
        consumer::store_offsets(input.consumer, unrecorded);
        unrecorded.clear();
    }
}

/// Messages of held shards, and messages that wait for their shard. A partition above the number of shards was added by
/// hand: it is not read, its offset is not stored, and `minuet topics plan` names it.
fn sort(shards: &Shards, messages: Vec<Incoming>) -> (Vec<Incoming>, Vec<Incoming>) {
    let (held, others): (Vec<Incoming>, Vec<Incoming>) =
        messages.into_iter().partition(|message| shards.epoch(batch::shard(message)).is_some());
    let (early, foreign): (Vec<Incoming>, Vec<Incoming>) =
        others.into_iter().partition(|message| batch::shard(message) < shards.count());
    if let Some(Incoming { position, .. }) = foreign.first() {
        error!(%position, shards = shards.count(), "topic has more partitions than there are shards; the rest is not read");
    }
    (held, early)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use minuet_envelope::Micros;

    use super::*;
    use crate::Position;
    use crate::kafka::fetch_buffer;

    fn message(partition: i32) -> Incoming {
        let position = Position { topic: "orders.events".into(), partition, offset: 0 };
        Incoming::recorded(position, None, None, Vec::new(), Micros(0))
    }

    #[test]
    fn a_shard_that_is_not_ours_yet_holds_up_nobody_else() {
        let (shards, _told) = Shards::new(3);
        shards.hold(1, 7);
        let (ours, early) = sort(&shards, [0, 1, 2, 3, 1].map(message).into());
        let partitions = |messages: &[Incoming]| messages.iter().map(batch::shard).collect::<Vec<_>>();
        assert_eq!(partitions(&ours), [1, 1]);
        assert_eq!(partitions(&early), [0, 2], "partition 3 has no shard");
    }

    #[test]
    fn a_batch_gathers_for_longer_where_the_one_before_took_longer() {
        let after = |messages, took| Last { messages, took: Duration::from_millis(took) }.linger();
        assert_eq!(after(LARGE_BATCH - 1, 25), None);
        let times = [0, 10, 25, 500].map(|took| after(LARGE_BATCH, took).map(|time| time.as_millis()));
        assert_eq!(times, [Some(20), Some(20), Some(50), Some(60)]);
    }

    #[tokio::test]
    async fn a_batch_gathers_until_it_is_full() {
        let (to, mut from) = fetch_buffer::channel(10);
        let mut messages = vec![message(0)];
        let after = |messages| Last { messages, took: Duration::ZERO };
        linger(after(LARGE_BATCH - 1), &mut from, &mut messages, 3)
            .now_or_never()
            .expect("there is little to do");
        assert!(
            linger(after(LARGE_BATCH), &mut from, &mut messages, 3).now_or_never().is_none(),
            "there is room for more"
        );
        for partition in [1, 2, 3] {
            to.reserve(1).await.ok().unwrap().put(message(partition));
        }
        linger(after(LARGE_BATCH), &mut from, &mut messages, 3).now_or_never().expect("it is full");
        assert_eq!(messages.iter().map(batch::shard).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
