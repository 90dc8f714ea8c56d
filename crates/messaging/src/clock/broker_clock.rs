use std::time::Instant;

use minuet_envelope::Micros;
use parking_lot::Mutex;

use super::Clock;
use super::reading::{BROKER_INTERVAL, Reading};
use super::skew_log::SkewLog;

/// The time of a program without a database: the broker's, once it has acknowledged a record on a topic that takes its time.
#[derive(Debug, Default)]
pub(crate) struct BrokerClock {
    reading: Mutex<Option<Reading>>,
    log: SkewLog,
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
        if !reading.replace(&mut self.reading.lock(), BROKER_INTERVAL) {
            return;
        }
        if let Some(skew) = self.skew() {
            self.log.tell(skew, "the machine's clock and the broker's");
        }
    }
}
