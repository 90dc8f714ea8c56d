use std::collections::HashMap;
use std::sync::Arc;

use minuet_events::values::OrderId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::call_kind::{Key, Kind};

/// What a call in flight is told.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// The charge is to be undone.
    pub(crate) stop: CancellationToken,
    /// The provider may have news: it is asked at once.
    pub(super) ask: Arc<Notify>,
}

/// The calls of this process, from when they are asked for until their answers are recorded: a bounded number.
pub(super) struct InFlightCalls {
    calls: HashMap<Key, Signals>,
    capacity: usize,
    /// Some calls found no room and wait in the table. No newer call goes before them.
    pub(super) has_backlog: bool,
}

impl InFlightCalls {
    pub(super) fn new(capacity: usize) -> Self {
        InFlightCalls { calls: HashMap::new(), capacity, has_backlog: false }
    }

    /// A call that was just committed. None: it is in flight already, or waits in the table for room.
    pub(super) fn admit(&mut self, key: Key) -> Option<Signals> {
        if self.has_backlog || self.is_full() {
            self.has_backlog = true;
            return None;
        }
        self.begin(key)
    }

    /// None: it is in flight already.
    pub(super) fn begin(&mut self, key: Key) -> Option<Signals> {
        if self.has(&key) {
            return None;
        }
        let signals = Signals::default();
        self.calls.insert(key, signals.clone());
        Some(signals)
    }

    pub(super) fn stop(&self, orders: &[OrderId]) {
        for order in orders {
            if let Some(signals) = self.calls.get(&(*order, Kind::Charge)) {
                signals.stop.cancel();
            }
        }
    }

    pub(super) fn ask_now(&self, orders: &[OrderId]) {
        for order in orders {
            if let Some(signals) = self.calls.get(&(*order, Kind::Charge)) {
                signals.ask.notify_one();
            }
        }
    }

    /// True: calls wait in the table, and half of the capacity is free.
    pub(super) fn end<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) -> bool {
        for key in keys {
            self.calls.remove(key);
        }
        self.has_backlog && self.calls.len() <= self.capacity / 2
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.calls.contains_key(key)
    }

    pub(super) fn is_full(&self) -> bool {
        self.calls.len() >= self.capacity
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn charge(n: u128) -> Key {
        (OrderId::new(Uuid::from_u128(n)), Kind::Charge)
    }

    #[test]
    fn what_finds_no_room_waits_and_nothing_newer_goes_before_it() {
        let mut in_flight = InFlightCalls::new(4);
        let admitted: Vec<bool> = (0..6).map(|n| in_flight.admit(charge(n)).is_some()).collect();
        assert_eq!(admitted, [true, true, true, true, false, false]);
        assert!(!in_flight.end([charge(0)].iter()), "it is not worth a look yet");
        assert!(in_flight.admit(charge(7)).is_none(), "the fifth and the sixth were first");
        assert!(in_flight.end([charge(1)].iter()));
        in_flight.has_backlog = false;
        assert!(in_flight.admit(charge(7)).is_some());
    }

    /// Between the commit and the first request there may be a queue.
    #[test]
    fn a_stop_is_heard_from_when_a_call_is_asked_for() {
        let mut in_flight = InFlightCalls::new(4);
        let stop = in_flight.admit(charge(1)).unwrap();
        in_flight.stop(&[charge(1).0, charge(2).0]);
        assert!(stop.stop.is_cancelled());
    }

    #[test]
    fn of_an_order_and_kind_there_is_one() {
        let mut in_flight = InFlightCalls::new(4);
        assert!(in_flight.admit(charge(1)).is_some());
        assert!(in_flight.admit(charge(1)).is_none());
        assert!(in_flight.admit((charge(1).0, Kind::Refund)).is_some());
    }
}
