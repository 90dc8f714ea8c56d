//! Which orders are under way, and when they ended.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;
use uuid::Uuid;

#[derive(Default)]
struct Open {
    /// Since when.
    sent: HashMap<Uuid, Instant>,
    /// Requests whose order has no id yet.
    unnamed: usize,
    /// Ends of orders that nobody has named yet.
    early: HashMap<Uuid, Instant>,
    /// Everything that was ever sent.
    submitted: HashSet<Uuid>,
    /// When each order was sent and how long it took, while somebody wants to know.
    latencies: Option<Vec<(Instant, Duration)>>,
}

pub(crate) struct Flight {
    open: Mutex<Open>,
    ended: AtomicU64,
    /// Room for more orders, in a closed loop.
    room: Semaphore,
}

impl Flight {
    pub(crate) fn new() -> Self {
        Flight { open: Mutex::default(), ended: AtomicU64::new(0), room: Semaphore::new(0) }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock()
    }

    pub(crate) fn room(&self) -> &Semaphore {
        &self.room
    }

    /// An order leaves whose id we have chosen ourselves.
    pub(crate) fn sent(&self, order: Uuid, at: Instant) {
        let mut open = self.open();
        open.submitted.insert(order);
        open.sent.insert(order, at);
    }

    /// A request leaves whose order will get its id from the other side.
    pub(crate) fn requested(&self) {
        self.open().unnamed += 1;
    }

    /// The other side has given it: perhaps after its end was seen.
    pub(crate) fn named(&self, order: Uuid, at: Instant) {
        let mut open = self.open();
        open.unnamed -= 1;
        open.submitted.insert(order);
        match open.early.remove(&order) {
            Some(end) => self.complete(&mut open, at, end),
            None => {
                open.sent.insert(order, at);
            }
        }
    }

    /// Its final event was seen. One that is repeated counts once.
    pub(crate) fn end(&self, order: Uuid, now: Instant) {
        let mut open = self.open();
        match open.sent.remove(&order) {
            Some(at) => self.complete(&mut open, at, now),
            None if open.unnamed > 0 && !open.submitted.contains(&order) => {
                open.early.entry(order).or_insert(now);
            }
            None => {}
        }
    }

    fn complete(&self, open: &mut Open, sent: Instant, end: Instant) {
        if let Some(latencies) = &mut open.latencies {
            latencies.push((sent, end.saturating_duration_since(sent)));
        }
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.room.add_permits(1);
    }

    /// How many are at their end.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn under_way(&self) -> usize {
        let open = self.open();
        open.sent.len() + open.unnamed
    }

    /// From now on it is kept how long each order takes.
    pub(crate) fn keep_latencies(&self) {
        self.open().latencies = Some(Vec::new());
    }

    pub(crate) fn take_latencies(&self) -> Vec<(Instant, Duration)> {
        self.open().latencies.take().unwrap_or_default()
    }

    /// Every order that was sent.
    pub(crate) fn submitted(&self) -> Vec<Uuid> {
        self.open().submitted.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_ends_once() {
        let (flight, now) = (Flight::new(), Instant::now());
        let [order, stranger] = [1, 2].map(Uuid::from_u128);
        flight.keep_latencies();
        flight.sent(order, now);
        for id in [order, order, stranger] {
            flight.end(id, now + Duration::from_millis(5));
        }
        assert_eq!((flight.ended(), flight.under_way(), flight.room().available_permits()), (1, 0, 1));
        assert_eq!(flight.take_latencies(), [(now, Duration::from_millis(5))]);
        assert_eq!(flight.submitted(), [order]);
    }

    #[test]
    fn an_end_may_be_seen_before_its_order_has_a_name() {
        let (flight, now) = (Flight::new(), Instant::now());
        let order = Uuid::from_u128(1);
        flight.keep_latencies();
        flight.requested();
        flight.end(order, now + Duration::from_millis(5));
        flight.named(order, now);
        assert_eq!((flight.ended(), flight.under_way()), (1, 0));
        assert_eq!(flight.take_latencies(), [(now, Duration::from_millis(5))]);
    }
}
