//! Errors and statistics of a Kafka client. While the broker is away, librdkafka reports it several times a second;
//! repeating that would hide every other log line.

use std::time::{Duration, Instant};

use minuet_telemetry::error_chain;
use parking_lot::Mutex;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, Statistics};
use tracing::{debug, error, warn};

use crate::observe::meters::KafkaStatistics;

const INTERVAL: Duration = Duration::from_secs(10);

/// The context of one client. Logs an error at most once per [`INTERVAL`], with the number of suppressed ones.
pub(crate) struct Client {
    name: String,
    errors: Mutex<LogThrottle>,
    statistics: KafkaStatistics,
}

impl Client {
    pub(crate) fn new(name: &str) -> Self {
        Client { name: name.to_owned(), errors: Mutex::default(), statistics: KafkaStatistics::default() }
    }

    /// The client's latest statistics.
    pub(crate) fn statistics(&self) -> KafkaStatistics {
        self.statistics.clone()
    }
}

impl ClientContext for Client {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // librdkafka reports a failed connection as an error, too.
        if facility == "FAIL" {
            return debug!(target: "librdkafka", detail = message, "kafka connection failed");
        }
        DefaultClientContext.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.statistics.show(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // A fatal error: the client is unusable and reports it once.
        let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_))
            || error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal);
        if is_fatal {
            return error!(
                error = error_chain(&error),
                client = self.name,
                detail = reason,
                "kafka client failed for good"
            );
        }
        let said = self.errors.lock().say(Instant::now());
        if let Some(suppressed) = said {
            warn!(
                error = error_chain(&error),
                client = self.name,
                detail = reason,
                suppressed,
                "kafka client reports an error"
            );
        }
    }
}

/// Permits one log line per interval.
#[derive(Debug, Default)]
struct LogThrottle {
    last: Option<Instant>,
    suppressed: u64,
}

impl LogThrottle {
    /// The number of suppressed lines since the last one. `None`: suppress this one, too.
    fn say(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_in_an_interval_is_said_and_the_others_are_counted() {
        let (mut errors, start) = (LogThrottle::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let said = [0, 1, 9, 10, 11, 40, 41].map(|seconds| errors.say(at(seconds)));
        assert_eq!(said, [Some(0), None, None, Some(2), None, Some(1), None]);
    }
}
