//! The payment of one order of 25 euros in each of its states, and what may happen to it.

use std::sync::LazyLock;

use minuet_events::inventory::{InventoryConfirmationFailed, InventoryReserved, ReservationExpired};
use minuet_events::orders::OrderCancelled;
use minuet_events::payments::{
    PaymentFailed, PaymentRefunded, PaymentSucceeded, RefundRejected, RefundRequested,
};
use minuet_events::values::{
    Amount, CancellationReason, Currency, DisputeStatus, Micros, OrderId, PaymentActionKind, PaymentMethod,
    UserId,
};
use minuet_events::{Event, ids};
use uuid::Uuid;

use crate::domain::{Action, Answer, Change, Charge, Dispute, Payment, Refund};

pub(super) const ORDER: OrderId = OrderId::new(Uuid::from_u128(1));
/// The `ce_id` of every event that happens.
pub(super) const EVENT: Uuid = Uuid::from_u128(2);
pub(super) const EXPIRES_AT: Micros = Micros(900_000_000);

/// The provider names no end.
pub(super) static ACTION: LazyLock<Action> = LazyLock::new(|| Action {
    kind: PaymentActionKind::Redirect,
    url: Some("https://provider.example/pay/1".to_owned()),
    data: None,
    expires_at: None,
});

pub(super) static DISPUTE: LazyLock<Dispute> = LazyLock::new(|| Dispute {
    dispute_id: "dp_1".to_owned(),
    status: DisputeStatus::Opened,
    reason: "fraudulent".to_owned(),
    currency: Currency::parse("EUR").unwrap(),
    amount: Amount::parse("25").unwrap(),
});

fn user() -> UserId {
    UserId::parse("anna").unwrap()
}

pub(super) fn charge() -> Charge {
    Charge {
        order_id: ORDER,
        payment_id: ids::payment_id(ORDER),
        payment_method: PaymentMethod::Alipay,
        currency: Currency::parse("EUR").unwrap(),
        amount: Amount::parse("25").unwrap(),
        payment_token: None,
    }
}

pub(super) fn refund(reason: &str) -> Refund {
    Refund {
        refund_id: ids::refund_id(charge().payment_id),
        reason: reason.into(),
        amount: charge().amount,
        return_stock: true,
    }
}

/// Of a part, which was asked for by [`EVENT`].
pub(super) fn part(amount: &str) -> Refund {
    let refund_id = ids::partial_refund_id(charge().payment_id, EVENT);
    Refund { refund_id, amount: Amount::parse(amount).unwrap(), ..refund("refunded") }
}

pub(super) fn unknown() -> Payment {
    Payment::Unknown
}

pub(super) fn prevented() -> Payment {
    Payment::Prevented
}

pub(super) fn processing() -> Payment {
    Payment::Processing { charge: charge(), stop: None }
}

/// The call is under way, and is to be undone.
pub(super) fn stopping(reason: &str) -> Payment {
    Payment::Processing { charge: charge(), stop: Some(reason.into()) }
}

pub(super) fn success() -> Payment {
    success_less("0")
}

/// So much was given back.
pub(super) fn success_less(refunded: &str) -> Payment {
    Payment::Success { charge: charge(), refunded: Amount::parse(refunded).unwrap() }
}

/// The first part is to be given back.
pub(super) fn partial_refund_due(amount: &str, stop: Option<&str>) -> Payment {
    let stop = stop.map(|reason| reason.into());
    Payment::PartialRefundDue { charge: charge(), refunded: Amount::ZERO, refund: part(amount), stop }
}

pub(super) fn refund_due(reason: &str) -> Payment {
    Payment::RefundDue { charge: charge(), refund: refund(reason) }
}

pub(super) fn refunded() -> Payment {
    Payment::Refunded
}

pub(super) fn failed() -> Payment {
    Payment::Failed
}

pub(super) fn inventory_reserved() -> Event {
    let Charge { order_id, payment_method, currency, amount, .. } = charge();
    Event::from(InventoryReserved {
        order_id,
        user_id: user(),
        payment_method,
        currency,
        total: amount,
        expires_at: EXPIRES_AT,
        allocations: Vec::new(),
        payment_token: None,
    })
}

pub(super) fn order_cancelled() -> Event {
    let reason = CancellationReason::Requested;
    OrderCancelled { order_id: ORDER, user_id: user(), reason, detail: None, return_stock: None }.into()
}

pub(super) fn reservation_expired() -> Event {
    ReservationExpired { order_id: ORDER, allocations: Vec::new() }.into()
}

pub(super) fn inventory_confirmation_failed() -> Event {
    let reason = "reservation_released".to_owned();
    InventoryConfirmationFailed { order_id: ORDER, reason }.into()
}

/// What ends an order's payment, and the reason that the payment keeps.
pub(super) fn stops() -> [(Event, &'static str); 3] {
    [
        (order_cancelled(), "order_cancelled"),
        (reservation_expired(), "reservation_expired"),
        (inventory_confirmation_failed(), "inventory_confirmation_failed"),
    ]
}

pub(super) fn refund_requested() -> Event {
    refund_of(None, None)
}

pub(super) fn refund_of(amount: Option<&str>, return_stock: Option<bool>) -> Event {
    let amount = amount.map(|amount| Amount::parse(amount).unwrap());
    RefundRequested {
        order_id: ORDER,
        requested_by: user(),
        reason: "broken".to_owned(),
        amount,
        return_stock,
    }
    .into()
}

pub(super) fn captured() -> Answer {
    Answer::Captured { transaction_id: "t-1".to_owned(), response: "{}".to_owned() }
}

pub(super) fn declined() -> Answer {
    Answer::Declined { reason: "card_declined".to_owned(), response: "{}".to_owned() }
}

/// The capture, recorded.
pub(super) fn capture() -> Change {
    Change::Captured { transaction_id: "t-1".to_owned(), response: "{}".to_owned() }
}

pub(super) fn payment_succeeded() -> Event {
    let Charge { order_id, payment_id, payment_method, currency, amount, .. } = charge();
    let transaction_id = "t-1".to_owned();
    PaymentSucceeded { order_id, payment_id, transaction_id, payment_method, currency, amount }.into()
}

pub(super) fn payment_failed(reason: &str, detail: Option<&str>) -> Event {
    let Charge { order_id, payment_id, currency, amount, .. } = charge();
    Event::from(PaymentFailed {
        order_id,
        payment_id,
        reason: reason.to_owned(),
        detail: detail.map(str::to_owned),
        currency: Some(currency),
        amount: Some(amount),
    })
}

pub(super) fn payment_refunded(reason: &str) -> Event {
    refunded_event(refund(reason), None)
}

pub(super) fn refunded_event(refund: Refund, remaining: Option<&str>) -> Event {
    let Charge { order_id, payment_id, currency, .. } = charge();
    let Refund { refund_id, reason, amount, return_stock } = refund;
    let remaining = remaining.map(|remaining| Amount::parse(remaining).unwrap());
    let return_stock = (!return_stock).then_some(false);
    PaymentRefunded { order_id, payment_id, refund_id, reason, currency, amount, remaining, return_stock }
        .into()
}

pub(super) fn refund_rejected(reason: &str) -> Event {
    RefundRejected { order_id: ORDER, request_id: EVENT, reason: reason.to_owned() }.into()
}
