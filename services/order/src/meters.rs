//! What the order service is measured by: counted once the transaction has committed, from what it did.

use minuet_events::values::{CancellationReason, Micros, OrderStatus};
use minuet_messaging::ReactError;
use minuet_telemetry::meters::{Counter, Histogram, Meters, Sample, attribute};
use parking_lot::Mutex;
use sqlx::PgConnection;

use crate::domain::{Change, Order};
use crate::names::meter::{self, attribute as key};
use crate::row::Row;
use crate::store;

/// The label of a reason that this build does not know: another program's text makes no series of its own.
const OTHER: &str = "other";
/// A row may be seen this much later than the time in it says.
const MAX_COMMIT_LAG: time::Duration = time::Duration::seconds(120);

/// How long a submission may have waited on its topic by the submitter's clock. After a longer outage orders give no sample.
const MAX_INTAKE_WAIT: time::Duration = time::Duration::days(1);
/// How far a submitter's clock may be ahead of ours.
const MAX_SKEW: time::Duration = time::Duration::seconds(5);

/// One change of one order.
#[derive(Debug, PartialEq)]
pub(crate) struct StatusChange {
    status: OrderStatus,
    /// It was answered for the first time.
    is_new: bool,
    cause: Option<&'static str>,
    /// From the submission to the first end.
    took_ms: Option<f64>,
}

impl StatusChange {
    /// What `change` has made of an order that was `before`. None: its status is the same.
    pub(crate) fn of(before: &Order, change: &Change, after: &Row, now: Micros) -> Option<StatusChange> {
        let status = after.order.state().status()?;
        if before.state().status() == Some(status) {
            return None;
        }
        let is_new = matches!(before, Order::Unknown | Order::CancelledBeforeSubmission(_));
        let was_open = is_new || matches!(before, Order::Pending(_) | Order::Paid(..));
        let ended = matches!(after.order, Order::Confirmed(..) | Order::Cancelled | Order::Failed);
        let cause = match change {
            Change::Cancelled { reason, .. } => Some(reason.known().unwrap_or(OTHER)),
            Change::CancelledEarly(_)
            | Change::Placed(_)
            | Change::Rejected(_)
            | Change::Paid(_)
            | Change::PaymentNoted(_)
            | Change::Confirmed
            | Change::Refunded
            | Change::Failed(_) => None,
        };
        let submitted = after.submission.map(|submission| submission.time);
        let took = submitted.and_then(|submitted| took_ms(submitted, after.versioned.created_at, now));
        Some(StatusChange { status, is_new, cause, took_ms: took.filter(|_| was_open && ended) })
    }
}

/// Milliseconds since the submission. None where the submitter's clock must be wrong: an order that is ahead of its end, or
/// was submitted long before it was seen, gives no sample rather than an absurd one.
#[expect(clippy::cast_precision_loss, reason = "microseconds of one order's life")]
fn took_ms(submitted: Micros, seen: Micros, now: Micros) -> Option<f64> {
    let is_possible = seen.since(submitted) <= MAX_INTAKE_WAIT && submitted.since(now) <= MAX_SKEW;
    is_possible.then(|| (now.0 - submitted.0).max(0) as f64 / 1e3)
}

pub(crate) struct OrderMeters {
    created: Counter,
    status: Counter,
    cancelled: Counter,
    duration: Histogram,
    open: Sample,
    open_age: Sample,
    /// Whatever was created before has ended: where the next look begins.
    ended_until: Mutex<Option<Micros>>,
}

impl OrderMeters {
    pub(crate) fn new(meters: &Meters) -> Self {
        let of = OrderMeters {
            created: meters.counter(&meter::ORDER_CREATE_COUNT),
            status: meters.counter(&meter::ORDER_STATUS_COUNT),
            cancelled: meters.counter(&meter::ORDER_CANCEL_COUNT),
            duration: meters.histogram(&meter::ORDER_PROCESS_DURATION),
            open: meters.sample(&meter::ORDER_OPEN),
            open_age: meters.sample(&meter::ORDER_OPEN_AGE),
            ended_until: Mutex::default(),
        };
        // A series that begins at its first event hides that event from rate().
        of.created.add(0, &[]);
        for status in OrderStatus::ALL {
            of.status.add(0, &[attribute(key::STATUS, status.as_str())]);
        }
        for cause in CancellationReason::KNOWN {
            of.cancelled.add(0, &[attribute(key::CAUSE, cause)]);
        }
        of
    }

    pub(crate) fn count(&self, status_changes: &[StatusChange]) {
        let created = status_changes.iter().filter(|of| of.is_new).count();
        if created > 0 {
            self.created.add(created as u64, &[]);
        }
        for status in OrderStatus::ALL {
            let count = status_changes.iter().filter(|of| of.status == status).count();
            if count > 0 {
                self.status.add(count as u64, &[attribute(key::STATUS, status.as_str())]);
            }
        }
        for StatusChange { status, cause, took_ms, .. } in status_changes {
            if let Some(cause) = cause {
                self.cancelled.add(1, &[attribute(key::CAUSE, *cause)]);
            }
            if let Some(ms) = took_ms {
                self.duration.record(*ms, &[attribute(key::STATUS, status.as_str())]);
            }
        }
    }

    /// Looks at the orders since the oldest that was open the last time; at first, at those that no sweep has passed.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    pub(crate) async fn sample(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        deadline: time::Duration,
    ) -> Result<(), ReactError> {
        let known = *self.ended_until.lock();
        let since = match known {
            Some(since) => since,
            None => store::swept_until(connection).await?.plus(-deadline - MAX_COMMIT_LAG),
        };
        let open = store::open(connection, since).await?;
        let oldest = open.iter().map(|(_, _, oldest)| *oldest).min();
        *self.ended_until.lock() = Some(oldest.unwrap_or(now).min(now.plus(-MAX_COMMIT_LAG)).max(since));
        let (mut counts, mut ages) = (Vec::new(), Vec::new());
        for status in OrderStatus::ALL.into_iter().filter(|status| !status.is_final()) {
            let found = open.iter().find(|(of, ..)| *of == status);
            let attributes = vec![attribute(key::STATUS, status.as_str())];
            counts.push((attributes.clone(), found.map_or(0, |(_, count, _)| *count) as f64));
            let age = found.map_or(0, |(_, _, oldest)| (now.0 - oldest.0).max(0));
            ages.push((attributes, age as f64 / 1e6));
        }
        self.open.show(counts);
        self.open_age.show(ages);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_gives_no_sample() {
        let (seen, now) = (Micros(1_764_000_000_000_000), Micros(1_764_000_003_000_000));
        let at = |seconds: i64| took_ms(seen.plus(time::Duration::seconds(seconds)), seen, now);
        assert_eq!(at(-2), Some(5_000.0));
        assert_eq!(at(4), Some(0.0), "a second ahead");
        assert_eq!(at(-80_000), Some(80_003_000.0), "the service was away");
        for absurd in [9, 3_600, -90_000, -seen.0 / 1_000_000] {
            assert_eq!(at(absurd), None, "{absurd} s");
        }
    }
}
