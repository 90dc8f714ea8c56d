use std::time::{Duration, Instant};

use minuet_envelope::Micros;

/// The other machine's clock and our monotonic one run apart by at most a thousandth: ten times more than quartz does.
const MAX_DRIFT: u32 = 1_000;

/// Two looks at one clock are not closer than this: scheduling, and a clock that is slewed.
const MIN_UNCERTAINTY: Duration = Duration::from_millis(1);

/// A broker's time is looked at no more often: one acknowledgement in a second is enough.
pub(super) const BROKER_INTERVAL: Duration = Duration::from_secs(1);

/// A look at another machine's clock, which goes on by our monotonic clock: a step of our wall clock changes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    time: Micros,
    at: Instant,
    uncertainty: Duration,
}

impl Reading {
    /// The other clock said `time` at some moment between the request and its answer.
    pub(super) fn between(asked: Instant, answered: Instant, time: Micros) -> Reading {
        let half = answered.saturating_duration_since(asked) / 2;
        Reading { time, at: asked + half, uncertainty: half + MIN_UNCERTAINTY }
    }

    /// What the other clock says at this moment, give or take [`Reading::uncertainty`].
    pub(super) fn time(&self, at: Instant) -> Micros {
        let since = at.saturating_duration_since(self.at);
        Micros(self.time.0.saturating_add(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
    }

    pub(super) fn age(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.at)
    }

    /// How far [`Reading::time`] may be off at that moment.
    pub(super) fn uncertainty(&self, at: Instant) -> Duration {
        self.uncertainty + at.saturating_duration_since(self.at) / MAX_DRIFT
    }

    /// Takes the place of what is known, unless that says more, or was taken less than `interval` before. `true`: it does.
    pub(super) fn replace(self, known: &mut Option<Reading>, interval: Duration) -> bool {
        let is_needed = known.is_none_or(|known| {
            self.at.saturating_duration_since(known.at) >= interval
                && (self.replaces(&known) || self.contradicts(&known))
        });
        if is_needed {
            *known = Some(self);
        }
        is_needed
    }

    /// Whether this reading says at least as much as an older one, which is less certain the older it is.
    fn replaces(&self, older: &Reading) -> bool {
        self.uncertainty <= older.uncertainty(self.at)
    }

    /// The two cannot be of one clock that goes on: it was set, or another machine answers.
    fn contradicts(&self, known: &Reading) -> bool {
        let apart = Duration::from_micros(self.time.0.abs_diff(known.time(self.at).0));
        apart > self.uncertainty + known.uncertainty(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_read_to_half_of_the_round_trip() {
        let asked = Instant::now();
        let at = |ms| asked + Duration::from_millis(ms);
        let read = Reading::between(asked, at(200), Micros(1_000_000));
        assert_eq!((read.time(at(100)), read.time(at(5_100))), (Micros(1_000_000), Micros(6_000_000)));
        assert_eq!(read.uncertainty(at(100)), Duration::from_millis(101));
        assert_eq!(read.uncertainty(at(10_100)), Duration::from_millis(111));
        let set = Reading::between(at(100), at(110), Micros(500_000_000));
        assert!(set.contradicts(&read) && read.contradicts(&set), "the clock was set");
        let slow = Reading::between(at(200), at(4_200), Micros(0));
        assert!(!slow.replaces(&read) && read.replaces(&slow), "a slow answer says less");
        let later = Reading::between(at(60_000), at(60_210), Micros(0));
        assert!(later.replaces(&read), "the older one has aged");
    }
}
