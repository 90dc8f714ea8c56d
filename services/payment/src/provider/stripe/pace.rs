//! How often Stripe is asked, all calls together.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Spaces the requests of this process. A process that was idle may send a few at once.
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

/// So many intervals of idle time are remembered.
const BURST: u32 = 10;

impl Pace {
    pub(super) fn new(requests_per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / requests_per_second.max(1);
        Pace { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits for this request's turn.
    pub(super) async fn turn(&self) {
        let now = Instant::now();
        let at = {
            let mut next = self.next.lock();
            let earliest = now.checked_sub(self.interval * BURST).unwrap_or(now);
            let at = (*next).max(earliest);
            *next = at + self.interval;
            at
        };
        if at > now {
            tokio::time::sleep_until(at).await;
        }
    }

    /// Stripe asked for a pause: no request that has not had its turn is sent before its end.
    pub(super) fn pause(&self, pause: Duration) {
        let mut next = self.next.lock();
        *next = (*next).max(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_come_at_the_rate() {
        let (pace, begun) = (Pace::new(1_000), Instant::now());
        for _ in 0..BURST + 100 {
            pace.turn().await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(99), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_pause_holds_every_request() {
        let (pace, begun) = (Pace::new(1_000), Instant::now());
        pace.pause(Duration::from_millis(50));
        pace.turn().await;
        assert!(begun.elapsed() >= Duration::from_millis(50));
    }
}
