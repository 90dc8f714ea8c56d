//! When lines are due: at once, or as far apart as they were recorded.

use std::str::FromStr;

use minuet_events::values::Micros;
use tokio::time::{Duration, Instant};

/// How many times faster than recorded; None: as fast as possible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Speed(Option<f64>);

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Speed(None)),
            "recorded" => Ok(Speed(Some(1.0))),
            factor => {
                let factor = factor.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
                factor
                    .map(|factor| Speed(Some(factor)))
                    .ok_or_else(|| "takes recorded, max or a factor such as 10".to_owned())
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Pace {
    speed: Speed,
    /// When the first line was sent, and when it was recorded.
    begun: Option<(Instant, Micros)>,
}

impl Pace {
    pub(super) fn new(speed: Speed) -> Pace {
        Pace { speed, begun: None }
    }

    /// What was recorded before the first line is due at once.
    pub(super) fn due(&mut self, recorded: Micros) -> Instant {
        let now = Instant::now();
        let (begun, first) = *self.begun.get_or_insert((now, recorded));
        let after = recorded.since(first).as_seconds_f64().max(0.0);
        let wait = self.speed.0.and_then(|factor| Duration::try_from_secs_f64(after / factor).ok());
        wait.and_then(|wait| begun.checked_add(wait)).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_word_or_a_factor() {
        assert_eq!("max".parse(), Ok(Speed(None)));
        assert_eq!("recorded".parse(), Ok(Speed(Some(1.0))));
        assert_eq!("2.5".parse(), Ok(Speed(Some(2.5))));
        for wrong in ["", "0", "-1", "fast", "inf", "NaN"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn lines_are_as_far_apart_as_they_were_or_nearer() {
        for (speed, wanted) in [("recorded", 60), ("10", 6)] {
            let mut pace = Pace::new(speed.parse().expect("a speed"));
            let first = pace.due(Micros(0));
            assert_eq!(pace.due(Micros(60_000_000)).duration_since(first), Duration::from_secs(wanted));
            assert!(pace.due(Micros(-5_000_000)) <= Instant::now(), "earlier ones come at once");
        }
        let mut pace = Pace::new(Speed(None));
        pace.due(Micros(0));
        assert!(pace.due(Micros(60_000_000)) <= Instant::now());
    }
}
