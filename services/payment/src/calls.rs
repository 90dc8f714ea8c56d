//! Calls to the provider: outside of any transaction, many at a time, their answers recorded in batches.
//!
//! The intent is committed before the call, with a row in `open_calls`, and the answer after it, by the owner of the
//! shard. What is known here besides is only what is under way, and that is bounded: a call that finds no room stays in the
//! table and is taken up once there is some, as are calls that died with another process. Those are looked up under their
//! key before anything is charged again.

mod conversation;
mod under_way;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use minuet_events::values::OrderId;
use minuet_messaging::ReactError;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Key};
use crate::messaging::ServiceContext;
use crate::meters::PaymentMeters;
use crate::store;

use under_way::UnderWay;
pub(crate) use worker::{Worker, try_record};

/// How many calls may be known for each that may be made at once: the others wait for a seat, or for their next attempt.
const WAITING_PER_SEAT: usize = 16;

/// A call that is under way, and how it is told to stop.
pub(crate) type Begun = (Call, CancellationToken);

/// Where calls are asked for.
#[derive(Clone)]
pub(crate) struct Calls {
    context: ServiceContext,
    queue: mpsc::UnboundedSender<Begun>,
    under_way: Arc<Mutex<UnderWay>>,
    /// Told once half of the room is free, if something waits in the table.
    room: Arc<Notify>,
    /// Cancelled once the last answer is recorded.
    finished: CancellationToken,
    pub(crate) meters: PaymentMeters,
}

impl Calls {
    /// For so many calls at once.
    pub(crate) fn new(context: ServiceContext, concurrency: usize) -> (Self, mpsc::UnboundedReceiver<Begun>) {
        let (queue, begun) = mpsc::unbounded_channel();
        let under_way = UnderWay::new(concurrency.max(1) * WAITING_PER_SEAT);
        let calls = Calls {
            meters: PaymentMeters::new(context.meters()),
            context,
            queue,
            under_way: Arc::new(Mutex::new(under_way)),
            room: Arc::default(),
            finished: CancellationToken::new(),
        };
        (calls, begun)
    }

    /// Begins what was just committed, as far as there is room. Another instance's shard is left to its owner, who finds the
    /// call in the table.
    pub(crate) fn ask(&self, calls: Vec<Call>) {
        for call in calls {
            if !self.context.holds(self.shard(call.key())) {
                continue;
            }
            let admitted = self.under_way().admit(call.key());
            if let Some(stop) = admitted {
                self.begin(call, stop);
            }
        }
    }

    /// What is not under way here reads of it in its row.
    pub(crate) fn stop(&self, orders: &[OrderId]) {
        self.under_way().stop(orders);
    }

    /// Begins every call that is open in these shards and not under way, as far as there is room.
    pub(crate) async fn take_up(&self, shards: &[u32]) -> Result<(), ReactError> {
        self.take(shards, |_| true).await.map(drop)
    }

    /// As [`Calls::take_up`], for all of our shards: of `seen`, or if some had found no room, of all. Answers with what is open
    /// and was not under way. What a batch has just committed may be found before it is asked for; so one look is not enough.
    async fn look(&self, seen: &HashSet<Key>) -> Result<HashSet<Key>, ReactError> {
        let behind = std::mem::take(&mut self.under_way().behind);
        let taken = self.take(&self.context.held(), |key| behind || seen.contains(key)).await;
        if taken.is_err() {
            self.under_way().behind |= behind;
        }
        taken
    }

    async fn take(&self, shards: &[u32], wanted: impl Fn(&Key) -> bool) -> Result<HashSet<Key>, ReactError> {
        let capacity = self.under_way().capacity();
        let mut connection = self.context.pool().acquire().await?;
        // Of so many, at most `capacity` are under way: if there is room, something for it is among them.
        let mut open = store::open_calls(&mut connection, shards, capacity + 1).await?;
        let is_all = open.len() <= capacity;
        open.retain(|call| shards.contains(&self.shard(call.key)));
        let (mut waiting, mut begun) = (HashSet::new(), HashMap::new());
        {
            let mut under_way = self.under_way();
            let mut found_no_room = !is_all;
            for call in &open {
                if under_way.has(&call.key) {
                    continue;
                }
                waiting.insert(call.key);
                if !wanted(&call.key) {
                    continue;
                }
                if under_way.is_full() {
                    found_no_room = true;
                    break;
                }
                begun.extend(under_way.begin(call.key).map(|stop| (call.key, stop)));
            }
            under_way.behind |= found_no_room;
        }
        // Read after it is under way: a stop that comes from now on is heard, and an older one is in the row.
        let taken: Vec<_> = open.into_iter().filter(|call| begun.contains_key(&call.key)).collect();
        let rows = store::open_payments(&mut connection, &taken).await;
        for row in rows.as_ref().map(Vec::as_slice).unwrap_or_default() {
            if let Some(call) = Call::again(row)
                && let Some(stop) = begun.remove(&call.key())
            {
                self.begin(call, stop);
            }
        }
        // Answered meanwhile, or unreadable now.
        self.end(begun.keys());
        rows.map(|_| waiting)
    }

    fn begin(&self, call: Call, stop: CancellationToken) {
        if self.queue.send((call, stop)).is_err() {
            tracing::debug!("a call is left to the next start");
        }
    }

    fn end<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        if self.under_way().end(keys) {
            self.room.notify_one();
        }
    }

    /// Waits until the calls have ended and the answers are recorded.
    pub(crate) async fn finished(&self) {
        self.finished.cancelled().await;
    }

    fn shard(&self, (order, _): Key) -> u32 {
        self.context.shard_of(&order.to_string())
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock()
    }
}
