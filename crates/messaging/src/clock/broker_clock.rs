use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use minuet_envelope::Micros;
use parking_lot::Mutex;
use tracing::{info, warn};

use super::reading::Reading;
use super::{Clock, TOLD_SKEW};

/// A broker's time is looked at no more often: one acknowledgement in a second is enough.
const INTERVAL: Duration = Duration::from_secs(1);

/// The time of a program without a database: the broker's, once it has acknowledged a record on a topic that takes its time.
#[derive(Debug, Default)]
pub(crate) struct BrokerClock {
    reading: Mutex<Option<Reading>>,
    /// Whether the last word in the log was that the clocks differ.
    told: AtomicBool,
}

impl BrokerClock {
    /// The broker's time. `None`: it has not said any.
    pub(crate) fn now(&self) -> Option<Micros> {
        self.reading.lock().map(|reading| reading.time(Instant::now()))
    }

    /// How far the machine's clock is ahead of the broker's.
    pub(crate) fn skew(&self) -> Option<time::Duration> {
        Some(Clock::System.now().since(self.now()?))
    }

    /// The broker appended a record at `appended`, by its own clock, which had been handed over at `sent`.
    pub(crate) fn acknowledged(&self, sent: Instant, appended: Micros) {
        let reading = Reading::between(sent, Instant::now(), appended);
        if !reading.replace(&mut self.reading.lock(), INTERVAL) {
            return;
        }
        let Some(skew) = self.skew() else { return };
        let is_far = skew.abs() > TOLD_SKEW;
        if self.told.swap(is_far, Ordering::Relaxed) != is_far {
            let skew_ms = i64::try_from(skew.whole_milliseconds()).unwrap_or(i64::MAX);
            match is_far {
                true => {
                    warn!(skew_ms, detail = "the machine's clock differs from the broker's", "clocks differ")
                }
                false => info!(skew_ms, "clocks agree again"),
            }
        }
    }
}
