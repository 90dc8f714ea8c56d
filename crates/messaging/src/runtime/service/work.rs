//! The one loop that takes batches, and redrives between two of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::failpoint::{Failpoint, hit};
use crate::kafka::consumer::{self, Polled};
use crate::kafka::fetch_buffer::BufferReceiver;
use crate::kafka::revocations::RevocationEpochs;
use crate::runtime::batch::{self, Processor, Stopped};
use crate::runtime::sweeper::Processed;
use crate::store::shards::Shards;
use crate::{BatchHandler, Incoming};

/// How often the loop looks for letters that are to be redriven: a person waits for it.
const LOOK: Duration = Duration::from_millis(500);
/// A batch of so many messages says that there is load: some hundred orders a second. The messages of one commit come in by partition,
/// a few at a time: what began with the first few would split them, and they would never come together again.
const LARGE: usize = 32;
/// How long the batch after a large one gathers, as multiple of what that one took: a slow hour, or a slow machine, makes batches
/// take longer, and what comes in meanwhile is less (docs/performance.md). Below that load nothing waits.
const GATHER: u32 = 2;
/// A large batch of which nothing was to be processed took no time at all.
const GATHER_LEAST: Duration = Duration::from_millis(20);
/// Of longer waits the whole order would feel each.
const GATHER_MOST: Duration = Duration::from_millis(60);

/// What the group and the sweeper are told about the messages that are processed.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) consumer: &'a Polled,
    pub(super) generations: &'a RevocationEpochs,
    pub(super) processed: &'a Processed,
}

/// The batch before.
#[derive(Clone, Copy, Default)]
struct Last {
    messages: usize,
    took: Duration,
}

impl Last {
    /// How long the next one gathers.
    fn gathers(self) -> Option<Duration> {
        (self.messages >= LARGE).then(|| (self.took * GATHER).clamp(GATHER_LEAST, GATHER_MOST))
    }
}

/// Takes batches and processes them until the poller has ended or the service stops.
pub(super) async fn work<R: BatchHandler>(
    processor: &Processor<R>,
    input: Input<'_>,
    mut from: BufferReceiver,
    batch_size: usize,
    shutdown: &CancellationToken,
) {
    let shards = &processor.context.core.shards;
    let mut changed = shards.subscribe();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Messages of shards that are not ours yet: they wait, and what is ours goes on.
    let mut early: Vec<Incoming> = Vec::new();
    let mut last = Last::default();
    loop {
        let mut messages = std::mem::take(&mut early);
        let room = batch_size.saturating_sub(messages.len());
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            change = changed.changed(), if !messages.is_empty() => if change.is_err() { return },
            _ = look.tick() => if processor.redrive().await.is_err() { return },
            taken = from.take(&mut messages, room), if room > 0 => {
                if taken == 0 {
                    return;
                }
                gather(last, &mut from, &mut messages, batch_size).await;
            }
        }
        changed.mark_unchanged();
        let ours;
        (ours, early) = sort(shards, batch::current(messages, input.generations));
        last = Last { messages: ours.len(), took: Duration::ZERO };
        if ours.is_empty() {
            continue;
        }
        hit(Failpoint::AfterPoll);
        let begun = Instant::now();
        if one_batch(processor, input, ours).await.is_err() {
            return;
        }
        last.took = begun.elapsed();
    }
}

/// After a large batch: until this one is full, or for as long as it may.
async fn gather(last: Last, from: &mut BufferReceiver, messages: &mut Vec<Incoming>, batch_size: usize) {
    let Some(time) = last.gathers() else { return };
    let end = Instant::now() + time;
    while messages.len() < batch_size {
        match timeout_at(end, from.take(messages, batch_size - messages.len())).await {
            Ok(taken) if taken > 0 => {}
            _ => return,
        }
    }
}

async fn one_batch<R: BatchHandler>(
    processor: &Processor<R>,
    input: Input<'_>,
    messages: Vec<Incoming>,
) -> Result<(), Stopped> {
    let mut next: HashMap<(Arc<str>, i32), i64> = HashMap::new();
    for message in &messages {
        next.insert(
            (Arc::clone(&message.position.topic), message.position.partition),
            message.position.offset + 1,
        );
    }
    let taken = processor.context.core.instruments.taken(&messages);
    let lost = processor.process(messages).await?;
    processor.context.core.instruments.processed(taken);
    // What was left to another owner is not done: it is read again from what was committed.
    next.retain(|(_, partition), _| !lost.contains(&partition.unsigned_abs()));
    input.processed.advance(&next);
    consumer::store_offsets(input.consumer, &next);
    hit(Failpoint::AfterStoreOffset);
    Ok(())
}

/// Those of held shards, and those that wait for theirs. A partition that no shard stands for was added by hand; it is left
/// unread, offset and all, and `minuet topics plan` names it.
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
        let after = |messages, took| Last { messages, took: Duration::from_millis(took) }.gathers();
        assert_eq!(after(LARGE - 1, 25), None);
        let times = [0, 10, 25, 500].map(|took| after(LARGE, took).map(|time| time.as_millis()));
        assert_eq!(times, [Some(20), Some(20), Some(50), Some(60)]);
    }

    #[tokio::test]
    async fn a_batch_gathers_until_it_is_full() {
        let (to, mut from) = fetch_buffer::channel(10);
        let mut messages = vec![message(0)];
        let after = |messages| Last { messages, took: Duration::ZERO };
        gather(after(LARGE - 1), &mut from, &mut messages, 3).now_or_never().expect("there is little to do");
        assert!(
            gather(after(LARGE), &mut from, &mut messages, 3).now_or_never().is_none(),
            "there is room for more"
        );
        for partition in [1, 2, 3] {
            to.reserve(1).await.ok().unwrap().put(message(partition));
        }
        gather(after(LARGE), &mut from, &mut messages, 3).now_or_never().expect("it is full");
        assert_eq!(messages.iter().map(batch::shard).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
