//! One order of anna's: two packs of tea at 12.50, in each of its states, and what may happen to it.

use std::collections::BTreeMap;

use minuet_events::Event;
use minuet_events::inventory::{
    InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, ReservationExpired, Shortage,
};
use minuet_events::orders::{
    OrderCancellationRejected, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderFailed,
    OrderPlaced, OrderRejected, OrderSubmitted, PlacedLine, Problem, SubmittedLine,
};
use minuet_events::payments::{PaymentFailed, PaymentRefunded, PaymentSucceeded};
use minuet_events::values::{
    Amount, CancellationReason, Currency, OrderId, PaymentId, PaymentMethod, Quantity, RefundId, Sku, UserId,
};
use uuid::Uuid;

use crate::domain::{EarlyCancellation, Order, Placed, Product, Products};

pub(super) const ORDER: OrderId = OrderId::new(Uuid::from_u128(1));
pub(super) const PAYMENT: PaymentId = PaymentId::new(Uuid::from_u128(2));
/// The `ce_id` of every event that happens.
pub(super) const EVENT: Uuid = Uuid::from_u128(3);

pub(super) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(super) fn sku(code: &str) -> Sku {
    Sku::parse(code).unwrap()
}

pub(super) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

pub(super) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub(super) fn product(code: &str, unit_price: &str, paid_in: &str) -> (Sku, Product) {
    let (currency, unit_price) = (currency(paid_in), amount(unit_price));
    (sku(code), Product { name: code.to_owned(), currency, unit_price, active: true, event: EVENT })
}

pub(super) fn catalogue() -> Products {
    BTreeMap::from([product("tea", "12.50", "EUR")])
}

pub(super) fn unknown() -> Order {
    Order::Unknown
}

/// Cancelled by each of these before it was submitted.
pub(super) fn cancelled_before_submission<const N: usize>(requested_by: [&str; N]) -> Order {
    Order::CancelledBeforeSubmission(requested_by.map(early_cancellation).to_vec())
}

pub(super) fn early_cancellation(name: &str) -> EarlyCancellation {
    EarlyCancellation::new(&user(name), "too slow", EVENT)
}

fn placed() -> Placed {
    Placed { order_id: ORDER, user_id: user("anna"), currency: currency("EUR"), total: amount("25") }
}

pub(super) fn pending() -> Order {
    Order::Pending(placed())
}

pub(super) fn paid() -> Order {
    Order::Paid(placed(), PAYMENT)
}

pub(super) fn confirmed() -> Order {
    Order::Confirmed(placed(), Some(PAYMENT))
}

/// InventoryConfirmed has overtaken PaymentSucceeded.
pub(super) fn confirmed_before_its_payment() -> Order {
    Order::Confirmed(placed(), None)
}

pub(super) fn cancelled() -> Order {
    Order::Cancelled
}

pub(super) fn failed() -> Order {
    Order::Failed
}

pub(super) fn order_of(lines: &[(&str, u32)]) -> OrderSubmitted {
    let line = |&(code, pieces)| SubmittedLine { sku: sku(code), quantity: Quantity::new(pieces).unwrap() };
    OrderSubmitted {
        order_id: ORDER,
        user_id: user("anna"),
        payment_method: PaymentMethod::Paypal,
        lines: lines.iter().map(line).collect(),
        expected_total: None,
        payment_token: None,
    }
}

pub(super) fn submitted() -> Event {
    order_of(&[("tea", 2)]).into()
}

/// Of something that nobody sells.
pub(super) fn submitted_in_vain() -> Event {
    order_of(&[("snow", 1)]).into()
}

pub(super) fn cancellation_requested_by(name: &str) -> Event {
    let reason = "too slow".to_owned();
    OrderCancellationRequested { order_id: ORDER, requested_by: user(name), reason }.into()
}

pub(super) fn payment_succeeded() -> Event {
    Event::from(PaymentSucceeded {
        order_id: ORDER,
        payment_id: PAYMENT,
        transaction_id: "t-1".to_owned(),
        payment_method: PaymentMethod::Paypal,
        currency: currency("EUR"),
        amount: amount("25"),
    })
}

pub(super) fn payment_failed() -> Event {
    Event::from(PaymentFailed {
        order_id: ORDER,
        payment_id: PAYMENT,
        reason: "card_declined".to_owned(),
        detail: None,
        currency: None,
        amount: None,
    })
}

pub(super) fn payment_refunded() -> Event {
    refunded(None, None)
}

pub(super) fn payment_refunded_in_part() -> Event {
    refunded(Some(amount("1")), None)
}

/// The customer keeps the goods.
pub(super) fn payment_refunded_without_return() -> Event {
    refunded(None, Some(false))
}

fn refunded(remaining: Option<Amount>, return_stock: Option<bool>) -> Event {
    Event::from(PaymentRefunded {
        order_id: ORDER,
        payment_id: PAYMENT,
        refund_id: RefundId::new(Uuid::from_u128(4)),
        reason: CancellationReason::Refunded,
        currency: currency("EUR"),
        amount: amount("25"),
        remaining,
        return_stock,
    })
}

pub(super) fn inventory_confirmed() -> Event {
    InventoryConfirmed { order_id: ORDER, allocations: Vec::new() }.into()
}

pub(super) fn inventory_rejected() -> Event {
    let shortage = |code, requested, available| Shortage { sku: sku(code), requested, available };
    let shortages = vec![shortage("tea", 2, 1), shortage("milk", 3, 0)];
    InventoryRejected { order_id: ORDER, shortages }.into()
}

pub(super) fn inventory_confirmation_failed() -> Event {
    let reason = "reservation_released".to_owned();
    InventoryConfirmationFailed { order_id: ORDER, reason }.into()
}

pub(super) fn reservation_expired() -> Event {
    ReservationExpired { order_id: ORDER, allocations: Vec::new() }.into()
}

pub(super) fn order_placed() -> Event {
    let line = PlacedLine {
        sku: sku("tea"),
        name: "tea".to_owned(),
        unit_price: amount("12.50"),
        quantity: Quantity::new(2).unwrap(),
        subtotal: amount("25"),
        product_event: EVENT,
    };
    Event::from(OrderPlaced {
        order_id: ORDER,
        user_id: user("anna"),
        payment_method: PaymentMethod::Paypal,
        currency: currency("EUR"),
        total: amount("25"),
        lines: vec![line],
        payment_token: None,
    })
}

pub(super) fn problem(code: &str, of: Option<&str>, detail: &str) -> Problem {
    Problem::new(code, of.map(sku), detail.to_owned())
}

pub(super) fn order_rejected<const N: usize>(problems: [Problem; N]) -> Event {
    OrderRejected { order_id: ORDER, user_id: user("anna"), problems: problems.into() }.into()
}

pub(super) fn order_confirmed() -> Event {
    let Placed { order_id, user_id, currency, total } = placed();
    OrderConfirmed { order_id, user_id, currency, total }.into()
}

pub(super) fn order_cancelled(reason: &str, detail: Option<&str>) -> Event {
    let (reason, detail) = (reason.into(), detail.map(str::to_owned));
    OrderCancelled { order_id: ORDER, user_id: user("anna"), reason, detail, return_stock: None }.into()
}

pub(super) fn order_failed<const N: usize>(problems: [Problem; N]) -> Event {
    OrderFailed { order_id: ORDER, user_id: user("anna"), problems: problems.into() }.into()
}

pub(super) fn cancellation_rejected(reason: &str) -> Event {
    let reason = reason.to_owned();
    OrderCancellationRejected { order_id: ORDER, request_id: EVENT, reason }.into()
}
