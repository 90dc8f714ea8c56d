//! When the provider is asked again about a payment that is open there: its customer has to act, or it is under way.
//!
//! A webhook may say that there is news, and may be lost: the provider is asked in any case, soon at first, later ever more seldom, and by all
//! calls of this process together at a bounded rate.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::in_flight::Signals;

/// The wait before the first repetition, which grows to the other.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
const MAX_INTERVAL: Duration = Duration::from_secs(30);
/// A wait is this part of the time since the payment was begun: a customer who has acted waits that much longer at most.
const PART: u32 = 8;
/// How often a wait looks whether the reservation has ended.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The rate of the requests that ask again.
pub(super) struct AskRate {
    /// After an interval.
    unprompted: Slots,
    /// After a notification. Of its own, so that a queue of the others does not hold it up.
    notified: Slots,
    min_interval: Duration,
    max_interval: Duration,
}

impl AskRate {
    /// `per_second`: of each of the two.
    pub(super) fn new(per_second: u32) -> Self {
        AskRate {
            unprompted: Slots::new(per_second),
            notified: Slots::new(per_second),
            min_interval: MIN_INTERVAL,
            max_interval: MAX_INTERVAL,
        }
    }

    fn interval(&self, open_for: Duration) -> Duration {
        (open_for / PART).clamp(self.min_interval, self.max_interval)
    }
}

/// Points in time, in a row.
struct Slots {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Slots {
    fn new(per_second: u32) -> Self {
        Slots { interval: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Instant::now()) }
    }

    fn take(&self) -> Instant {
        let mut next = self.next.lock();
        let slot = (*next).max(Instant::now());
        *next = slot + self.interval;
        slot
    }
}

/// The waits of one open payment.
pub(super) struct Waits {
    since: Instant,
}

impl Waits {
    pub(super) fn new() -> Self {
        Waits { since: Instant::now() }
    }

    /// Ends when the provider is to be asked again: in its turn, or at once when `is_over` becomes true or the call is stopped.
    pub(super) async fn wait(
        &mut self,
        rate: &AskRate,
        signals: &Signals,
        is_over: impl Fn() -> bool + Sync,
    ) {
        let (was_over, was_stopped) = (is_over(), signals.stop.is_cancelled());
        let ended = Ended { signals, is_over: &is_over, was_over, was_stopped };
        match ended.or_at(Instant::now() + rate.interval(self.since.elapsed())).await {
            Woken::Ended => {}
            Woken::Time => {
                let slot = rate.unprompted.take();
                if matches!(ended.or_at(slot).await, Woken::Notified) {
                    self.notified(rate, &ended).await;
                }
            }
            Woken::Notified => self.notified(rate, &ended).await,
        }
    }

    /// The news may still be on its way: the intervals begin anew.
    async fn notified(&mut self, rate: &AskRate, ended: &Ended<'_>) {
        self.since = Instant::now();
        let slot = rate.notified.take();
        while matches!(ended.or_at(slot).await, Woken::Notified) {}
    }
}

enum Woken {
    Time,
    Notified,
    Ended,
}

/// What ends a wait early, unless it was so before.
struct Ended<'a> {
    signals: &'a Signals,
    is_over: &'a (dyn Fn() -> bool + Sync),
    was_over: bool,
    was_stopped: bool,
}

impl Ended<'_> {
    async fn or_at(&self, at: Instant) -> Woken {
        loop {
            let look = at.min(Instant::now() + LOOK_INTERVAL);
            tokio::select! {
                biased;
                () = self.signals.stop.cancelled(), if !self.was_stopped => return Woken::Ended,
                () = self.signals.ask.notified() => return Woken::Notified,
                () = tokio::time::sleep_until(look) => {}
            }
            if !self.was_over && (self.is_over)() {
                return Woken::Ended;
            }
            if Instant::now() >= at {
                return Woken::Time;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// As in earnest, a hundred times as fast.
    fn rate() -> AskRate {
        let min_interval = Duration::from_millis(10);
        AskRate { min_interval, max_interval: min_interval * 30, ..AskRate::new(1_000) }
    }

    /// Open for a long time, so that its intervals are the longest.
    fn old() -> Waits {
        Waits { since: Instant::now().checked_sub(Duration::from_secs(600)).unwrap() }
    }

    fn never() -> bool {
        false
    }

    #[test]
    fn an_open_payment_is_asked_about_ever_more_seldom() {
        let (rate, mut open_for, mut asked) = (AskRate::new(20), Duration::ZERO, Vec::new());
        while open_for < Duration::from_secs(900) {
            open_for += rate.interval(open_for);
            asked.push(open_for.as_secs());
        }
        assert_eq!(asked[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
        let longest = asked.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert_eq!(longest, Some(30));
        assert!((40..65).contains(&asked.len()), "{} in a quarter of an hour", asked.len());
    }

    #[tokio::test]
    async fn a_notification_has_it_asked_at_once_and_soon_again() {
        let rate = AskRate { max_interval: Duration::from_secs(600), ..rate() };
        let (signals, mut waits) = (Signals::default(), old());
        let begun = Instant::now();
        signals.ask.notify_one();
        waits.wait(&rate, &signals, never).await;
        waits.wait(&rate, &signals, never).await;
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_stop_and_the_end_of_the_reservation_end_the_wait() {
        let rate = AskRate { max_interval: Duration::from_secs(600), ..rate() };
        let (signals, over, begun) = (Signals::default(), AtomicBool::new(false), Instant::now());
        old().wait(&rate, &signals, || over.swap(true, Ordering::Relaxed)).await;
        let (stopped, mut waits) = (async { signals.stop.cancel() }, old());
        tokio::join!(waits.wait(&rate, &signals, never), stopped);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }

    /// The provider cannot cancel it yet: that is repeated after an interval, not in a loop without a pause.
    #[tokio::test]
    async fn what_was_stopped_before_waits_all_the_same() {
        let (rate, signals, begun) = (rate(), Signals::default(), Instant::now());
        signals.stop.cancel();
        old().wait(&rate, &signals, || true).await;
        assert!(begun.elapsed() >= rate.max_interval, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn all_payments_together_are_asked_about_at_the_rate() {
        let rate = AskRate { unprompted: Slots::new(100), ..rate() };
        let begun = Instant::now();
        let one = async || Waits::new().wait(&rate, &Signals::default(), never).await;
        futures::future::join_all((0..50).map(|_| one())).await;
        assert!(begun.elapsed() >= Duration::from_millis(490), "{:?}", begun.elapsed());
        // A notification waits for no queue of the others.
        let (signals, begun) = (Signals::default(), Instant::now());
        *rate.unprompted.next.lock() += Duration::from_secs(600);
        signals.ask.notify_one();
        Waits::new().wait(&rate, &signals, never).await;
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
