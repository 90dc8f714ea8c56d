use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use minuet_envelope::Micros;
use minuet_envelope::validity::EARLIEST_TIME;

use crate::Incoming;

/// Age of the oldest message in flight: the lag in time. A backlog is processed in order, so its oldest message is in
/// flight; a message that the broker does not deliver counts only in the lag in messages.
#[derive(Clone, Default)]
pub(crate) struct OldestInFlight(Arc<AtomicI64>);

/// No message is in flight.
const NOTHING: i64 = 0;

impl OldestInFlight {
    pub(crate) fn begin(&self, messages: &[Incoming]) {
        // A stranger's time of 1970 is no lag: such a message is parked.
        let times = messages.iter().map(|message| message.timestamp);
        let oldest = times.filter(|time| *time >= EARLIEST_TIME).min().map(|time| time.0);
        self.0.store(oldest.unwrap_or(NOTHING), Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.0.store(NOTHING, Ordering::Relaxed);
    }

    /// Compares Kafka's time with the service's; see the gauge of their difference, `clock.skew`.
    pub(crate) fn age(&self, now: Micros) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            NOTHING => Duration::ZERO,
            since => Duration::from_micros(u64::try_from(now.0 - since).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    #[test]
    fn the_oldest_message_in_hand_is_the_lag() {
        let now = Micros(1_764_000_000_000_000);
        let message = |seconds: i64| Incoming {
            position: Position { topic: "orders.events".into(), partition: 0, offset: 0 },
            topic_id: uuid::Uuid::nil(),
            key: None,
            payload: None,
            headers: Vec::new(),
            timestamp: Micros(now.0 - seconds * 1_000_000),
            headers_readable: true,
            original: None,
            was_taken: false,
            revocation_epoch: 0,
            room: None,
        };
        let under_way = OldestInFlight::default();
        assert_eq!(under_way.age(now), Duration::ZERO);
        let absurd = Incoming { timestamp: Micros(0), ..message(0) };
        under_way.begin(&[message(5), message(70), absurd, message(-3)]);
        assert_eq!(under_way.age(now), Duration::from_secs(70));
        under_way.end();
        assert_eq!(under_way.age(now), Duration::ZERO);
    }
}
