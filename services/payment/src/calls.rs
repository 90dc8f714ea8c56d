//! Calls to the provider: outside of any transaction, many at a time, their answers recorded in batches.
//!
//! The intent is committed before the call, with a row in `open_calls`; the owner of the shard commits the answer after it.
//! Memory holds only the calls in flight, a bounded number. A call beyond the bound stays in the table until there is room,
//! and so does a call that died with another process: the provider is asked what it knows under the call's key before
//! anything is charged again.

mod asking;
mod in_flight;
mod provider_client;
mod unrecorded;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use minuet_events::values::OrderId;
use minuet_messaging::{Health, ReactError};
use parking_lot::{Mutex, MutexGuard};
use sqlx::PgConnection;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::call::Call;
use crate::call_kind::Key;
use crate::messaging::ServiceContext;
use crate::meters::PaymentMeters;
use crate::store;

use in_flight::{InFlightCalls, Signals};
use unrecorded::UnrecordedAnswers;
pub(crate) use worker::{Worker, try_record};

/// Bounds the calls in flight, per permit: those without a permit wait for one, or for their next attempt.
const MAX_IN_FLIGHT_PER_PERMIT: usize = 16;

/// A call in flight, and what it is told.
pub(crate) type Begun = (Call, Signals);

/// Where calls are asked for.
#[derive(Clone)]
pub(crate) struct Calls {
    context: ServiceContext,
    queue: mpsc::UnboundedSender<Begun>,
    in_flight: Arc<Mutex<InFlightCalls>>,
    /// Notified when half of the capacity is free and calls wait in the table.
    room: Arc<Notify>,
    /// Cancelled once the last answer is recorded.
    finished: CancellationToken,
    unrecorded: UnrecordedAnswers,
    pub(crate) meters: PaymentMeters,
}

impl Calls {
    /// `concurrency`: requests at the provider at a time.
    pub(crate) fn new(context: ServiceContext, concurrency: usize) -> (Self, mpsc::UnboundedReceiver<Begun>) {
        let (queue, begun) = mpsc::unbounded_channel();
        let in_flight = InFlightCalls::new(concurrency.max(1) * MAX_IN_FLIGHT_PER_PERMIT);
        let calls = Calls {
            meters: PaymentMeters::new(context.meters()),
            context,
            queue,
            in_flight: Arc::new(Mutex::new(in_flight)),
            room: Arc::default(),
            finished: CancellationToken::new(),
            unrecorded: UnrecordedAnswers::default(),
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
            let admitted = self.in_flight().admit(call.key());
            if let Some(signals) = admitted {
                self.begin(call, signals);
            }
        }
    }

    /// A call that is not in flight here finds the stop in its row.
    pub(crate) fn stop(&self, orders: &[OrderId]) {
        self.in_flight().stop(orders);
    }

    /// Has the provider asked at once where the charges of these orders stand, as far as their calls are in flight. The others are asked
    /// when they are taken up.
    pub(crate) fn ask_now(&self, orders: &[OrderId]) {
        self.in_flight().ask_now(orders);
    }

    /// Begins every call that is open in these shards and not in flight, as far as there is room.
    pub(crate) async fn take_up(&self, shards: &[u32]) -> Result<(), ReactError> {
        self.take(shards, |_| true).await.map(drop)
    }

    /// As [`Calls::take_up`], for all of our shards: only calls of `seen`, or all if there is a backlog. Returns the open calls
    /// that were not in flight. Two polls must see a call: the first may find what a batch has committed and not asked for yet.
    async fn poll(&self, seen: &HashSet<Key>) -> Result<HashSet<Key>, ReactError> {
        let has_backlog = std::mem::take(&mut self.in_flight().has_backlog);
        let taken = self.take(&self.context.held(), |key| has_backlog || seen.contains(key)).await;
        if taken.is_err() {
            self.in_flight().has_backlog |= has_backlog;
        }
        taken
    }

    async fn take(&self, shards: &[u32], wanted: impl Fn(&Key) -> bool) -> Result<HashSet<Key>, ReactError> {
        let capacity = self.in_flight().capacity();
        // At most `capacity` of these are in flight: if there is room, a call for it is among them.
        let open =
            async |connection: &mut PgConnection| store::open_calls(connection, shards, capacity + 1).await;
        let mut open = self.context.with_connection(open).await?;
        let is_all = open.len() <= capacity;
        open.retain(|call| shards.contains(&self.shard(call.key)));
        let (mut waiting, mut begun) = (HashSet::new(), HashMap::new());
        {
            let mut in_flight = self.in_flight();
            let mut found_no_room = !is_all;
            for call in &open {
                if in_flight.has(&call.key) {
                    continue;
                }
                waiting.insert(call.key);
                if !wanted(&call.key) {
                    continue;
                }
                if in_flight.is_full() {
                    found_no_room = true;
                    break;
                }
                begun.extend(in_flight.begin(call.key).map(|signals| (call.key, signals)));
            }
            in_flight.has_backlog |= found_no_room;
        }
        // Read once the call is in flight: a stop from now on reaches its token, and an earlier one is in the row.
        let taken: Vec<_> = open.into_iter().filter(|call| begun.contains_key(&call.key)).collect();
        let rows = async |connection: &mut PgConnection| store::open_payments(connection, &taken).await;
        let rows = self.context.with_connection(rows).await;
        for row in rows.as_ref().map(Vec::as_slice).unwrap_or_default() {
            if let Some(call) = Call::again(row)
                && let Some(signals) = begun.remove(&call.key())
            {
                self.begin(call, signals);
            }
        }
        // Answered meanwhile, or unreadable now.
        self.end(begun.keys());
        rows.map(|_| waiting)
    }

    fn begin(&self, call: Call, signals: Signals) {
        if self.queue.send((call, signals)).is_err() {
            tracing::debug!("call is left to the next start");
        }
    }

    fn end<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        if self.in_flight().end(keys) {
            self.room.notify_one();
        }
    }

    /// Reports answers that wait for their recording for longer than `bound`.
    pub(crate) async fn watch(self, health: Health, bound: Duration, shutdown: CancellationToken) {
        self.unrecorded.watch(health, bound, shutdown).await;
    }

    /// Waits until the calls have ended and the answers are recorded.
    pub(crate) async fn finished(&self) {
        self.finished.cancelled().await;
    }

    fn shard(&self, (order, _): Key) -> u32 {
        self.context.shard_of(&order.to_string())
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlightCalls> {
        self.in_flight.lock()
    }
}
