//! Notices messages that were deleted after they were published and before this service read them: the client moves on
//! to the topic's beginning without a word.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::positions::Next;

/// Offsets between two messages that were received one after the other. Compaction, and markers of transactions, leave
/// gaps too: the topic's beginning tells which gap was a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    /// The offset that was expected.
    pub(crate) from: i64,
    /// The offset that came.
    pub(crate) end: i64,
}

impl Gap {
    /// What was deleted of a gap, if the topic begins at this offset now.
    pub(crate) fn deleted(mut self, beginning: i64) -> Option<Gap> {
        self.end = self.end.min(beginning);
        (self.from < self.end).then_some(self)
    }
}

#[derive(Default)]
pub(crate) struct Gaps(Mutex<State>);

#[derive(Default)]
struct State {
    /// The offset after the last message of each partition.
    expected: Next,
    found: Vec<Gap>,
}

impl Gaps {
    /// Expects these offsets next, whatever came before.
    pub(crate) fn expect(&self, next: Next) {
        self.0.lock().expected.extend(next);
    }

    /// These messages came, in this order.
    pub(crate) fn received<'a>(&self, messages: impl Iterator<Item = (&'a Arc<str>, i32, i64)>) {
        let mut first_and_next: HashMap<(&Arc<str>, i32), (i64, i64)> = HashMap::new();
        for (topic, partition, offset) in messages {
            first_and_next.entry((topic, partition)).or_insert((offset, offset)).1 = offset + 1;
        }
        let mut state = self.0.lock();
        for ((topic, partition), (first, next)) in first_and_next {
            let key = (Arc::clone(topic), partition);
            if let Some(expected) = state.expected.get(&key).copied()
                && expected < first
            {
                state.found.push(Gap { topic: Arc::clone(topic), partition, from: expected, end: first });
            }
            let expected = state.expected.entry(key).or_insert(next);
            *expected = next.max(*expected);
        }
    }

    /// The gaps since the last call.
    pub(crate) fn take(&self) -> Vec<Gap> {
        std::mem::take(&mut self.0.lock().found)
    }

    /// Gaps that could not be looked into; the next call of [`Gaps::take`] returns them again.
    pub(crate) fn put_back(&self, gaps: Vec<Gap>) {
        self.0.lock().found.extend(gaps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(gaps: &Gaps, offsets: &[i64]) {
        let topic: Arc<str> = "orders.events".into();
        gaps.received(offsets.iter().map(|offset| (&topic, 3, *offset)));
    }

    fn gap(from: i64, end: i64) -> Gap {
        Gap { topic: "orders.events".into(), partition: 3, from, end }
    }

    #[test]
    fn a_gap_is_found_between_batches_and_after_a_takeover() {
        let gaps = Gaps::default();
        receive(&gaps, &[7, 8]);
        receive(&gaps, &[9]);
        assert_eq!(gaps.take(), [], "nothing is known of what came before the first message");
        receive(&gaps, &[15, 16]);
        assert_eq!(gaps.take(), [gap(10, 15)]);
        gaps.expect([(("orders.events".into(), 3), 20)].into());
        receive(&gaps, &[21]);
        assert_eq!(gaps.take(), [gap(20, 21)]);
    }

    #[test]
    fn messages_that_come_again_are_no_gap() {
        let gaps = Gaps::default();
        receive(&gaps, &[7, 8, 9]);
        receive(&gaps, &[5]);
        receive(&gaps, &[10]);
        assert_eq!(gaps.take(), []);
    }

    #[test]
    fn only_what_lies_before_the_beginning_was_deleted() {
        assert_eq!(gap(10, 15).deleted(12), Some(gap(10, 12)));
        assert_eq!(gap(10, 15).deleted(40), Some(gap(10, 15)));
        assert_eq!(gap(10, 15).deleted(10), None, "it was compacted");
    }
}
