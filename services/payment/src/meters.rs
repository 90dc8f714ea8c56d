//! What the payment service is measured by: counted once the transaction has committed, from the events that it published;
//! and how the provider does, request by request.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use minuet_events::Event;
use minuet_events::values::{Amount, Currency, PaymentMethod, PaymentStatus};
use minuet_messaging::ReactError;
use minuet_telemetry::meters::{Counter, Histogram, Meters, Sample, attribute};
use parking_lot::Mutex;
use rust_decimal::prelude::ToPrimitive;
use sqlx::PgConnection;

use crate::messaging::OutboxEvent;
use crate::names::meter::{self, attribute as key};
use crate::row::Row;
use crate::store;

/// Of how many charges the success rate speaks.
const WINDOW: usize = 500;
/// The statuses in which a payment's answer is counted.
const COUNTED: [PaymentStatus; 3] = [PaymentStatus::Success, PaymentStatus::Failed, PaymentStatus::Refunded];

/// What a transaction did to payments.
#[derive(Debug, Default)]
pub(crate) struct Tally(Vec<Done>);

#[derive(Debug)]
struct Done {
    status: PaymentStatus,
    method: Option<PaymentMethod>,
    money: Option<(Currency, Amount)>,
}

impl Tally {
    /// Notes what is published about a row.
    pub(crate) fn note(&mut self, row: &Row, emission: Option<&OutboxEvent>) {
        let charge = row.charge.as_ref();
        let whole = charge.map(|charge| (charge.currency, charge.amount));
        let (status, money) = match emission.map(|emission| &emission.event) {
            Some(Event::PaymentSucceeded(_)) => (PaymentStatus::Success, whole),
            Some(Event::PaymentFailed(_)) => (PaymentStatus::Failed, whole),
            Some(Event::PaymentRefunded(e)) => (PaymentStatus::Refunded, Some((e.currency, e.amount))),
            _ => return,
        };
        self.0.push(Done { status, method: charge.map(|charge| charge.payment_method), money });
    }
}

#[derive(Clone)]
pub(crate) struct PaymentMeters {
    processed: Counter,
    amount: Histogram,
    refunded: Histogram,
    requests: Histogram,
    open: Sample,
    parked: Sample,
    /// Of the last charges whether they were captured.
    captured: Arc<Mutex<VecDeque<bool>>>,
}

impl PaymentMeters {
    pub(crate) fn new(meters: &Meters) -> Self {
        let of = PaymentMeters {
            processed: meters.counter(&meter::PAYMENT_PROCESS_COUNT),
            amount: meters.histogram(&meter::PAYMENT_AMOUNT),
            refunded: meters.histogram(&meter::PAYMENT_REFUND_AMOUNT),
            requests: meters.histogram(&meter::PAYMENT_GATEWAY_DURATION),
            open: meters.sample(&meter::PAYMENT_OPEN),
            parked: meters.sample(&meter::PAYMENT_REFUND_PARKED),
            captured: Arc::default(),
        };
        // A series that begins at its first event hides that event from rate().
        for status in COUNTED {
            for method in PaymentMethod::ALL {
                of.processed.add(
                    0,
                    &[attribute(key::STATUS, status.as_str()), attribute(key::METHOD, method.as_str())],
                );
            }
        }
        let captured = Arc::clone(&of.captured);
        meters.gauge(&meter::PAYMENT_SUCCESS_RATE, move || {
            let captured = captured.lock();
            let share = percent(captured.iter().filter(|captured| **captured).count(), captured.len());
            share.map(|percent| (vec![], percent)).into_iter().collect()
        });
        of
    }

    pub(crate) fn count(&self, Tally(tally): &Tally) {
        for Done { status, method, money } in tally {
            let method = method.map_or("unknown", |method| method.as_str());
            self.processed.add(1, &[attribute(key::STATUS, status.as_str()), attribute(key::METHOD, method)]);
            if *status != PaymentStatus::Refunded {
                let mut captured = self.captured.lock();
                captured.push_back(*status == PaymentStatus::Success);
                if captured.len() > WINDOW {
                    captured.pop_front();
                }
            }
            let histogram = match *status {
                PaymentStatus::Success => &self.amount,
                PaymentStatus::Refunded => &self.refunded,
                PaymentStatus::Pending | PaymentStatus::Processing | PaymentStatus::Failed => continue,
            };
            if let Some((currency, amount)) = money {
                let amount = amount.get().to_f64().unwrap_or_default();
                histogram.record(amount, &[attribute(key::CURRENCY, currency.as_str())]);
            }
        }
    }

    /// A request to the provider, to its answer or to where there is none.
    pub(crate) async fn request<T, E>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let answer = request.await;
        let outcome = if answer.is_ok() { "answered" } else { "no_answer" };
        let attributes = [attribute(key::OPERATION, operation), attribute(key::OUTCOME, outcome)];
        self.requests.record(begun.elapsed().as_secs_f64(), &attributes);
        answer
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(crate) async fn sample(&self, connection: &mut PgConnection) -> Result<(), ReactError> {
        let open = store::count_open_calls(connection).await?;
        let series = ["charge", "refund"].map(|kind| {
            let count = open.iter().find(|(name, _)| name == kind).map_or(0, |(_, count)| *count);
            (vec![attribute(key::KIND, kind)], count as f64)
        });
        self.open.show(series.into());
        let parked = store::count_parked_refunds(connection).await?;
        self.parked.show(vec![(vec![], parked as f64)]);
        Ok(())
    }
}

/// None of none.
#[expect(clippy::cast_precision_loss, reason = "at most a window's length")]
fn percent(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| 100.0 * part as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_nothing_is_none() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(3, 4), Some(75.0));
    }
}
