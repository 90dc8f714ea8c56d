//! Answers of the provider that have come and are not in the database yet. One that stays here for long means that the
//! payment stands still although every dependency answers, so the service is not ready.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minuet_messaging::{Health, Stall};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::call_kind::Key;

/// Interval of the look.
const INTERVAL: Duration = Duration::from_secs(1);

/// Since when answers wait. Clones share it.
#[derive(Clone, Default)]
pub(super) struct UnrecordedAnswers(Arc<Mutex<HashMap<Key, Instant>>>);

impl UnrecordedAnswers {
    /// These answers have come; one that waits already has come before.
    pub(super) fn came<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        let (mut waiting, now) = (self.0.lock(), Instant::now());
        for key in keys {
            waiting.entry(*key).or_insert(now);
        }
    }

    /// These answers are recorded, or left to the owner of their shard.
    pub(super) fn gone<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        let mut waiting = self.0.lock();
        for key in keys {
            waiting.remove(key);
        }
    }

    fn stall(&self, bound: Duration, now: Instant) -> Option<Stall> {
        let waiting = self.0.lock();
        let (key, since) = waiting.iter().min_by_key(|(_, since)| **since)?;
        let age = now.duration_since(*since);
        (age >= bound).then(|| {
            let (count, (order, kind)) = (waiting.len(), key);
            let kind = kind.as_str();
            let what = format!("{count} answers of the provider are not recorded; the oldest is that to the {kind} of order {order}");
            Stall::new("answers", age, what)
        })
    }

    /// Reports answers that wait for longer than `bound`.
    pub(super) async fn watch(self, health: Health, bound: Duration, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(INTERVAL.min(bound)) => {}
            }
            health.stalled("payment", self.stall(bound, Instant::now()).into_iter().collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use minuet_events::values::OrderId;
    use uuid::Uuid;

    use super::*;
    use crate::call_kind::Kind;

    #[test]
    fn the_oldest_answer_counts_until_it_is_gone() {
        let answers = UnrecordedAnswers::default();
        let key = |number| (OrderId::from(Uuid::from_u128(number)), Kind::Charge);
        let bound = Duration::from_secs(5);
        answers.came([key(1)].iter());
        answers.came([key(1), key(2)].iter());
        let now = Instant::now();
        assert_eq!(answers.stall(bound, now), None);
        let later = now + bound;
        let stall = answers.stall(bound, later).unwrap();
        assert!(
            stall.detail.starts_with("2 answers") && stall.detail.contains(&key(1).0.to_string()),
            "{stall:?}"
        );
        answers.gone([key(1), key(2)].iter());
        assert_eq!(answers.stall(bound, later), None);
    }
}
