use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::connections::is_unusable;

/// Since when the database does not answer this instance. Recorded by the relay, which asks at least once a second.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<Option<Instant>>);

impl Outage {
    pub(crate) fn ends(&self) {
        *self.0.lock() = None;
    }

    /// A question that was asked at this time has failed. An error of the question itself, such as a missing right, is no
    /// outage: every other instance would have it, too.
    pub(crate) fn failed(&self, asked: Instant, error: &sqlx::Error) {
        if is_unusable(error) || !matches!(error, sqlx::Error::Database(_)) {
            self.0.lock().get_or_insert(asked);
        }
    }

    /// How long it has lasted. `None`: the database answers.
    pub(crate) fn lasts(&self) -> Option<Duration> {
        self.0.lock().map(|since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_from_the_first_failure_to_the_next_answer() {
        let (outage, asked) = (Outage::default(), Instant::now());
        outage.failed(asked, &sqlx::Error::RowNotFound);
        outage.failed(Instant::now(), &sqlx::Error::PoolTimedOut);
        assert!(outage.lasts().is_some_and(|lasts| lasts >= Duration::ZERO));
        assert_eq!(*outage.0.lock(), Some(asked));
        outage.ends();
        assert_eq!(outage.lasts(), None);
    }
}
