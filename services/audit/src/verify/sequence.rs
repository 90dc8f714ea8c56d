//! `ce_sequence` of one key and source: dense from 1, in order.

use serde::{Deserialize, Serialize};

use super::findings::Check;
use crate::record::Position;

/// Missing numbers that are kept: who loses more has said enough.
const MISSING: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sequence {
    last: i64,
    /// Of almost none anything is missing.
    missing: Option<Box<Missing>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Missing(Vec<(i64, Position)>);

/// What a number says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    InOrder,
    /// The first one that was seen, and not the first that there was.
    Begun,
    Wrong(Check, String),
}

impl Sequence {
    /// `may_begin`: history before what is read is gone, or was forgotten.
    pub(super) fn take(&mut self, number: i64, position: Position, may_begin: bool) -> Next {
        if number == self.last + 1 {
            self.last = number;
            return Next::InOrder;
        }
        if number > self.last {
            let began = self.last == 0 && may_begin;
            if !began {
                let Missing(missing) = &mut **self.missing.get_or_insert_default();
                let room = MISSING.saturating_sub(missing.len());
                missing.extend((self.last + 1..number).take(room).map(|number| (number, position)));
            }
            self.last = number;
            return if began { Next::Begun } else { Next::InOrder };
        }
        match self.missing().iter().position(|(missing, _)| *missing == number) {
            Some(at) => {
                if let Some(missing) = &mut self.missing {
                    missing.0.remove(at);
                }
                let detail = format!("ce_sequence {number} comes after {}", self.last);
                Next::Wrong(Check::Inversion, detail)
            }
            None => Next::Wrong(Check::Sequence, format!("ce_sequence {number} was drawn twice")),
        }
    }

    /// The numbers that never came, each with the event that came in their stead.
    pub(super) fn missing(&self) -> &[(i64, Position)] {
        self.missing.as_ref().map_or(&[], |missing| &missing.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { topic: 0, partition: 0, offset: 0 };

    fn take(numbers: &[i64]) -> (Vec<Next>, Vec<i64>) {
        let mut sequence = Sequence::default();
        let next = numbers.iter().map(|number| sequence.take(*number, HERE, false)).collect();
        (next, sequence.missing().iter().map(|(number, _)| *number).collect())
    }

    #[test]
    fn what_is_missing_is_lost_and_what_comes_late_was_overtaken() {
        assert_eq!(take(&[1, 2, 3]), (vec![Next::InOrder, Next::InOrder, Next::InOrder], vec![]));
        assert_eq!(take(&[1, 4]).1, [2, 3]);
        assert_eq!(take(&[2]).1, [1]);
        let (next, missing) = take(&[1, 3, 2]);
        assert!(matches!(next[2], Next::Wrong(Check::Inversion, _)), "{next:?}");
        assert_eq!(missing, [0; 0]);
        assert!(matches!(take(&[1, 2, 2]).0[2], Next::Wrong(Check::Sequence, _)));
    }

    #[test]
    fn history_may_begin_in_the_middle() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.take(5, HERE, true), Next::Begun);
        assert_eq!(sequence.take(7, HERE, true), Next::InOrder);
        assert_eq!(sequence.missing(), [(6, HERE)]);
    }
}
