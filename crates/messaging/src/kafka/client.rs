//! What a Kafka client says about its connections. While the broker is away librdkafka says it several times a second; a
//! log that repeats it hides everything else.

use std::time::{Duration, Instant};

use minuet_telemetry::error_chain;
use parking_lot::Mutex;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureProducer;
use rdkafka::{ClientContext, Statistics};
use tracing::{debug, error, warn};

use crate::observe::meters::KafkaStatistics;

const INTERVAL: Duration = Duration::from_secs(10);

pub(crate) type Producer = FutureProducer<Client>;

/// The context of one client: its errors come to the log at most once per [`INTERVAL`], with a count of the others.
pub(crate) struct Client {
    name: String,
    errors: Mutex<LogThrottle>,
    statistics: KafkaStatistics,
}

impl Client {
    pub(crate) fn new(name: &str) -> Self {
        Client { name: name.to_owned(), errors: Mutex::default(), statistics: KafkaStatistics::default() }
    }

    /// What this client says of itself.
    pub(crate) fn statistics(&self) -> KafkaStatistics {
        self.statistics.clone()
    }
}

impl ClientContext for Client {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // A connection that fails comes as an error too.
        if facility == "FAIL" {
            return debug!(target: "librdkafka", detail = message, "kafka connection failed");
        }
        DefaultClientContext.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.statistics.show(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The client is beyond use, and says so once.
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

/// Lets one in an interval through.
#[derive(Debug, Default)]
struct LogThrottle {
    last: Option<Instant>,
    suppressed: u64,
}

impl LogThrottle {
    /// How many were held back since the last one that was said; None: hold this one back too.
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
