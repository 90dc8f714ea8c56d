use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// Unprocessed offsets of an input; `end` is exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetRange {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) from: i64,
    pub(crate) end: i64,
}

type Offsets = HashMap<(Arc<str>, i32), i64>;

/// The offsets up to which this instance has processed its inputs.
#[derive(Default)]
pub(crate) struct Processed(Mutex<Offsets>);

impl Processed {
    pub(crate) fn advance(&self, next: &Offsets) {
        self.offsets().extend(next.iter().map(|(partition, offset)| (partition.clone(), *offset)));
    }

    /// The offset after the last processed message. `None`: no message was processed here.
    pub(crate) fn next(&self, topic: &Arc<str>, partition: i32) -> Option<i64> {
        self.offsets().get(&(Arc::clone(topic), partition)).copied()
    }

    pub(super) fn reached(&self, inputs: &[OffsetRange]) -> bool {
        inputs.iter().all(|s| self.next(&s.topic, s.partition).is_some_and(|next| next >= s.end))
    }

    /// Whether no offset of the range is processed.
    pub(super) fn stands(&self, OffsetRange { topic, partition, from, .. }: &OffsetRange) -> bool {
        self.next(topic, *partition).is_none_or(|next| next <= *from)
    }

    /// Marks a range without records as processed.
    pub(super) fn skip(&self, OffsetRange { topic, partition, end, .. }: &OffsetRange) {
        let mut offsets = self.offsets();
        let next = offsets.entry((Arc::clone(topic), *partition)).or_insert(*end);
        *next = (*next).max(*end);
    }

    fn offsets(&self) -> MutexGuard<'_, Offsets> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_nothing_is_skipped_and_nothing_goes_back() {
        let tail = OffsetRange { topic: "t".into(), partition: 0, from: 5, end: 6 };
        let processed = Processed::default();
        assert!(processed.stands(&tail) && !processed.reached(std::slice::from_ref(&tail)));
        processed.skip(&tail);
        assert!(!processed.stands(&tail) && processed.reached(std::slice::from_ref(&tail)));
        processed.advance(&[((Arc::clone(&tail.topic), 0), 9)].into());
        processed.skip(&tail);
        assert_eq!(processed.next(&tail.topic, 0), Some(9));
    }
}
