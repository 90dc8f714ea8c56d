//! Which event of a key may be sent from memory: the one that follows what this process last published of the key.

use std::collections::HashMap;

/// Upper bound of keys in one generation. Two generations take about 3 MB.
const MAX_KEYS: usize = 16_384;

/// The `ce_sequence` of the last acknowledged event of each key. The keys that were not published to for longest are
/// forgotten: of a forgotten key the next event is read from the table.
#[derive(Default)]
pub(super) struct LastPublished {
    young: HashMap<Box<str>, i64>,
    /// The generation before.
    old: HashMap<Box<str>, i64>,
}

impl LastPublished {
    pub(super) fn of(&self, key: &str) -> Option<i64> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    pub(super) fn published(&mut self, key: &str, sequence: i64) {
        if let Some(last) = self.young.get_mut(key) {
            *last = sequence;
            return;
        }
        if self.young.len() >= MAX_KEYS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.into(), sequence);
    }
}

/// What to do with a committed row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Everything before it is published, or is sent before it.
    Next,
    /// A read of the table has found it before.
    Published,
    /// Something before it is not known: another instance has written it, or it was forgotten.
    Unknown,
}

impl Place {
    /// `last`: the sequence of the key's event before, if this process knows it.
    pub(super) fn of(sequence: Option<i64>, last: Option<i64>) -> Place {
        match (sequence, last) {
            (Some(1), None) => Place::Next,
            (Some(sequence), Some(last)) if sequence == last + 1 => Place::Next,
            (Some(sequence), Some(last)) if sequence <= last => Place::Published,
            (Some(_) | None, _) => Place::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_follows_is_next() {
        assert_eq!(Place::of(Some(1), None), Place::Next, "nothing is before the first event");
        assert_eq!(Place::of(Some(5), Some(4)), Place::Next);
        assert_eq!(Place::of(Some(6), Some(4)), Place::Unknown, "another instance has written 5");
        assert_eq!(Place::of(Some(2), None), Place::Unknown, "after a start, or forgotten");
        assert_eq!(Place::of(None, Some(4)), Place::Unknown);
        assert_eq!(Place::of(None, None), Place::Unknown);
        for published in [1, 4] {
            assert_eq!(Place::of(Some(published), Some(4)), Place::Published);
        }
    }

    #[test]
    fn keys_are_forgotten_in_the_order_of_their_last_event() {
        let mut last = LastPublished::default();
        last.published("idle", 7);
        for key in 0..MAX_KEYS {
            last.published(&key.to_string(), 1);
        }
        assert_eq!((last.of("idle"), last.of("0")), (Some(7), Some(1)));
        last.published("0", 2);
        for key in MAX_KEYS..2 * MAX_KEYS {
            last.published(&key.to_string(), 1);
        }
        assert_eq!((last.of("idle"), last.of("0")), (None, Some(2)));
        assert!(last.young.len() + last.old.len() <= 2 * MAX_KEYS, "it is bounded");
    }
}
