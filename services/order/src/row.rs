//! An order's row while a batch is decided: its state, and the columns beside it.

use minuet_events::orders::{ExpectedTotal, OrderPlaced, OrderSubmitted, Problem};
use minuet_events::values::{Amount, Currency, Micros, OrderId, PaymentId, UserId};
use minuet_events::{Envelope, Event};
use minuet_messaging::{Cause, ReactError, Versioned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{Change, EarlyCancellation, Order};

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: OrderId,
    pub(crate) order: Order,
    pub(crate) user_id: Option<UserId>,
    /// Currency and total, once it was priced in this batch.
    pub(crate) money: Option<(Currency, Amount)>,
    pub(crate) payment_method: Option<&'static str>,
    /// Of the submission, if it is in this batch.
    pub(crate) expected_total: Option<ExpectedTotal>,
    pub(crate) lines: Option<Value>,
    pub(crate) problems: Option<Value>,
    pub(crate) reason: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) payment_id: Option<PaymentId>,
    /// Given back so far.
    pub(crate) refunded: Amount,
    pub(crate) submission: Option<Cause>,
    /// The request, or else the event, that ended the order in this batch.
    pub(crate) ended_by: Option<Uuid>,
    pub(crate) versioned: Versioned,
}

impl Row {
    pub(crate) fn unknown(id: OrderId, now: Micros) -> Self {
        Row {
            id,
            order: Order::Unknown,
            user_id: None,
            money: None,
            payment_method: None,
            expected_total: None,
            lines: None,
            problems: None,
            reason: None,
            detail: None,
            payment_id: None,
            refunded: Amount::ZERO,
            submission: None,
            ended_by: None,
            versioned: Versioned::new(now),
        }
    }

    /// `cause`: the event that led to the change, unless time alone did.
    pub(crate) fn apply(
        &mut self,
        change: Change,
        cause: Option<(&Envelope, &Event)>,
        now: Micros,
    ) -> Result<(), ReactError> {
        let invalid = |error| ReactError::Bug(format!("order {}: {error}", self.id));
        self.order = self.order.after(&change).map_err(invalid)?;
        if let Some((envelope, Event::OrderSubmitted(submitted))) = cause {
            self.submitted(submitted, envelope);
        }
        if let Some((_, Event::PaymentRefunded(refund))) = cause {
            self.refunded = self.refunded.checked_add(refund.amount).unwrap_or(self.refunded);
        }
        match change {
            Change::CancelledEarly(_) | Change::Confirmed | Change::Refunded => {}
            Change::Placed(placed) => {
                self.lines = Some(priced_lines(&placed));
                self.money = Some((placed.currency, placed.total));
            }
            Change::Rejected(problems) => self.fail("rejected", &problems),
            Change::Failed(problems) => self.fail("insufficient_stock", &problems),
            Change::Paid(payment) | Change::PaymentNoted(payment) => self.payment_id = Some(payment),
            Change::Cancelled { reason, detail, request } => {
                self.ended_by = request.or_else(|| cause.map(|(envelope, event)| ended_by(envelope, event)));
                self.reason = Some(reason.to_string());
                self.detail = detail;
            }
        }
        self.versioned.advance(now);
        Ok(())
    }

    fn submitted(&mut self, submitted: &OrderSubmitted, envelope: &Envelope) {
        self.user_id = Some(submitted.user_id.clone());
        self.payment_method = Some(submitted.payment_method.as_str());
        self.expected_total = submitted.expected_total;
        self.lines = Some(requested_lines(submitted));
        self.submission = Some(Cause::from(envelope));
        self.versioned.trace = Some(envelope.trace.without_baggage());
    }

    fn fail(&mut self, reason: &str, problems: &[Problem]) {
        self.reason = Some(reason.to_owned());
        self.problems = Some(problems.iter().map(shown_problem).collect());
    }

    pub(crate) fn early_cancellations(&self) -> Option<&[EarlyCancellation]> {
        match &self.order {
            Order::CancelledBeforeSubmission(early_cancellations) => Some(early_cancellations),
            Order::Unknown
            | Order::Pending(_)
            | Order::Paid(..)
            | Order::Confirmed(..)
            | Order::Cancelled
            | Order::Failed => None,
        }
    }
}

/// A refund was asked for by the request that caused it; everything else ends an order by itself.
fn ended_by(envelope: &Envelope, event: &Event) -> Uuid {
    match (event, envelope.causation_id) {
        (Event::PaymentRefunded(_), Some(request)) => request,
        _ => envelope.id,
    }
}

/// As programs read it. Only a price that changed has amounts.
fn shown_problem(problem: &Problem) -> Value {
    let Problem { code, sku, detail, expected_total, currency, total } = problem;
    let mut shown = json!({"code": code, "sku": sku, "detail": detail});
    if let (Some(expected), Some((currency, total))) = (expected_total, currency.zip(*total)) {
        let of = |amount: Amount, currency: Currency| json!({"amount": amount.shown_in(currency), "currency": currency});
        shown["expected_total"] = of(expected.amount, expected.currency);
        shown["total"] = of(total, currency);
    }
    shown
}

fn requested_lines(submitted: &OrderSubmitted) -> Value {
    let line =
        |line: &minuet_events::orders::SubmittedLine| json!({"sku": line.sku, "quantity": line.quantity});
    submitted.lines.iter().map(line).collect()
}

fn priced_lines(placed: &OrderPlaced) -> Value {
    let line = |line: &minuet_events::orders::PlacedLine| {
        json!({
            "sku": line.sku,
            "name": line.name,
            "unit_price": line.unit_price,
            "quantity": line.quantity,
            "subtotal": line.subtotal,
        })
    };
    placed.lines.iter().map(line).collect()
}
