//! How long one step followed another, by the clocks of two emitters.

use std::fmt;

use minuet_events::values::Micros;
use time::Duration;

/// More than any step takes: topics keep events for days. A longer wait tells of a wrong clock, not of a wait.
const MAX_WAIT: Duration = Duration::days(30);

/// A wait that one of two clocks may have made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(Duration);

impl Wait {
    pub(super) fn between(from: Micros, to: Micros) -> Wait {
        Wait(to.since(from))
    }

    /// False: the two clocks differ by years.
    pub(super) fn is_possible(self) -> bool {
        self.0.abs() <= MAX_WAIT
    }

    /// With its sign, as after a cause.
    pub(super) fn signed(self) -> String {
        if self.is_possible() { format!("+{self}") } else { self.to_string() }
    }

    /// Microseconds; negative where clocks differ a little.
    pub(super) fn micros(self) -> Option<i64> {
        i64::try_from(self.0.whole_microseconds()).ok().filter(|_| self.is_possible())
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_possible() {
            true => write!(f, "{} ms", self.0.whole_milliseconds()),
            false => f.write_str("absurd time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_of_years_is_an_absurd_time() {
        let now = Micros(1_764_000_000_000_000);
        let near = Wait::between(now, now.plus(Duration::milliseconds(1_250)));
        assert_eq!(
            (near.to_string(), near.signed(), near.micros()),
            ("1250 ms".to_owned(), "+1250 ms".to_owned(), Some(1_250_000))
        );
        for far in [
            Wait::between(Micros(0), now),
            Wait::between(now, Micros(0)),
            Wait::between(now, Micros(i64::MAX)),
        ] {
            assert_eq!(
                (far.to_string(), far.signed(), far.micros()),
                ("absurd time".to_owned(), "absurd time".to_owned(), None)
            );
        }
    }
}
