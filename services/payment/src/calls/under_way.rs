use std::collections::HashMap;

use minuet_events::values::OrderId;
use tokio_util::sync::CancellationToken;

use crate::call::{Key, Kind};

/// The calls that are known here, from when they are asked for until their answers are recorded: a bounded number.
pub(super) struct UnderWay {
    calls: HashMap<Key, CancellationToken>,
    capacity: usize,
    /// Some found no room and stay in the table. Until they are taken up, no newer one goes before them.
    pub(super) behind: bool,
}

impl UnderWay {
    pub(super) fn new(capacity: usize) -> Self {
        UnderWay { calls: HashMap::new(), capacity, behind: false }
    }

    /// A call that was just committed. None: it is under way already, or it stays in the table for want of room.
    pub(super) fn admit(&mut self, key: Key) -> Option<CancellationToken> {
        if self.behind || self.is_full() {
            self.behind = true;
            return None;
        }
        self.begin(key)
    }

    /// None: it is under way already.
    pub(super) fn begin(&mut self, key: Key) -> Option<CancellationToken> {
        if self.has(&key) {
            return None;
        }
        let stop = CancellationToken::new();
        self.calls.insert(key, stop.clone());
        Some(stop)
    }

    pub(super) fn stop(&self, orders: &[OrderId]) {
        for order in orders {
            if let Some(stop) = self.calls.get(&(*order, Kind::Charge)) {
                stop.cancel();
            }
        }
    }

    /// True: something waits in the table, and half of the room is free.
    pub(super) fn end<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) -> bool {
        for key in keys {
            self.calls.remove(key);
        }
        self.behind && self.calls.len() <= self.capacity / 2
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
        let mut under_way = UnderWay::new(4);
        let admitted: Vec<bool> = (0..6).map(|n| under_way.admit(charge(n)).is_some()).collect();
        assert_eq!(admitted, [true, true, true, true, false, false]);
        assert!(!under_way.end([charge(0)].iter()), "it is not worth a look yet");
        assert!(under_way.admit(charge(7)).is_none(), "the fifth and the sixth were first");
        assert!(under_way.end([charge(1)].iter()));
        under_way.behind = false;
        assert!(under_way.admit(charge(7)).is_some());
    }

    /// Between the commit and the first request there may be a queue.
    #[test]
    fn a_stop_is_heard_from_when_a_call_is_asked_for() {
        let mut under_way = UnderWay::new(4);
        let stop = under_way.admit(charge(1)).unwrap();
        under_way.stop(&[charge(1).0, charge(2).0]);
        assert!(stop.is_cancelled());
    }

    #[test]
    fn of_an_order_and_kind_there_is_one() {
        let mut under_way = UnderWay::new(4);
        assert!(under_way.admit(charge(1)).is_some());
        assert!(under_way.admit(charge(1)).is_none());
        assert!(under_way.admit((charge(1).0, Kind::Refund)).is_some());
    }
}
