//! Events of a handful of orders, each named by its number.

use minuet_events::Event;
use minuet_events::ids;
use minuet_events::inventory::{
    InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, InventoryReserved,
    ReservationExpired, Shortage,
};
use minuet_events::orders::{
    OrderCancellationRequested, OrderCancelled, OrderPlaced, OrderSubmitted, PlacedLine, SubmittedLine,
};
use minuet_events::payments::{
    PaymentFailed, PaymentRefunded, PaymentSucceeded, RefundRejected, RefundRequested,
};
use minuet_events::values::{
    Amount, CancellationReason, Currency, Micros, OrderId, PaymentId, PaymentMethod, Quantity, Sku, UserId,
};
use uuid::Uuid;

pub(super) fn order_id(number: usize) -> OrderId {
    OrderId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128))
}

fn payment_id(order: usize) -> PaymentId {
    ids::payment_id(order_id(order))
}

pub(super) fn sku(code: &str) -> Sku {
    Sku::parse(code).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn currency() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn total() -> Amount {
    Amount::parse("25").unwrap()
}

fn reason() -> String {
    "a reason".to_owned()
}

/// One that no service of ours gives.
fn foreign_reason() -> CancellationReason {
    "a reason".into()
}

pub(super) fn submitted(order: usize, lines: &[(&str, u32)]) -> Event {
    let line = |(code, pieces): &(&str, u32)| SubmittedLine {
        sku: sku(code),
        quantity: Quantity::new(*pieces).unwrap(),
    };
    Event::from(OrderSubmitted {
        order_id: order_id(order),
        user_id: user("anna"),
        payment_method: PaymentMethod::Paypal,
        lines: lines.iter().map(line).collect(),
        expected_total: None,
        payment_token: None,
    })
}

pub(super) fn cancellation_requested(order: usize, by: &str) -> Event {
    OrderCancellationRequested { order_id: order_id(order), requested_by: user(by), reason: reason() }.into()
}

pub(super) fn placed(order: usize, lines: &[(&str, u32)]) -> Event {
    let line = |(code, pieces): &(&str, u32)| PlacedLine {
        sku: sku(code),
        name: (*code).to_owned(),
        unit_price: total(),
        quantity: Quantity::new(*pieces).unwrap(),
        subtotal: total(),
        product_event: Uuid::nil(),
    };
    Event::from(OrderPlaced {
        order_id: order_id(order),
        user_id: user("anna"),
        payment_method: PaymentMethod::Paypal,
        currency: currency(),
        total: total(),
        lines: lines.iter().map(line).collect(),
        payment_token: None,
    })
}

pub(super) fn order_cancelled(order: usize) -> Event {
    OrderCancelled {
        order_id: order_id(order),
        user_id: user("anna"),
        reason: foreign_reason(),
        detail: None,
        return_stock: None,
    }
    .into()
}

pub(super) fn inventory_reserved(order: usize, expires_at: Micros) -> Event {
    Event::from(InventoryReserved {
        order_id: order_id(order),
        user_id: user("anna"),
        payment_method: PaymentMethod::Paypal,
        currency: currency(),
        total: total(),
        expires_at,
        allocations: Vec::new(),
        payment_token: None,
    })
}

pub(super) fn inventory_confirmed(order: usize) -> Event {
    InventoryConfirmed { order_id: order_id(order), allocations: Vec::new() }.into()
}

pub(super) fn inventory_rejected(order: usize) -> Event {
    let shortages = vec![Shortage { sku: sku("tea"), requested: 2, available: 1 }];
    InventoryRejected { order_id: order_id(order), shortages }.into()
}

pub(super) fn inventory_confirmation_failed(order: usize) -> Event {
    InventoryConfirmationFailed { order_id: order_id(order), reason: reason() }.into()
}

pub(super) fn reservation_expired(order: usize) -> Event {
    ReservationExpired { order_id: order_id(order), allocations: Vec::new() }.into()
}

pub(super) fn payment_succeeded(order: usize) -> Event {
    Event::from(PaymentSucceeded {
        order_id: order_id(order),
        payment_id: payment_id(order),
        transaction_id: "t-1".to_owned(),
        payment_method: PaymentMethod::Paypal,
        currency: currency(),
        amount: total(),
    })
}

pub(super) fn payment_failed(order: usize) -> Event {
    Event::from(PaymentFailed {
        order_id: order_id(order),
        payment_id: payment_id(order),
        reason: reason(),
        detail: None,
        currency: None,
        amount: None,
    })
}

pub(super) fn payment_refunded(order: usize) -> Event {
    Event::from(PaymentRefunded {
        order_id: order_id(order),
        payment_id: payment_id(order),
        refund_id: ids::refund_id(payment_id(order)),
        reason: foreign_reason(),
        currency: currency(),
        amount: total(),
        remaining: None,
        return_stock: None,
    })
}

pub(super) fn refund_requested(order: usize) -> Event {
    RefundRequested {
        order_id: order_id(order),
        requested_by: user("admin:boss"),
        reason: reason(),
        amount: None,
        return_stock: None,
    }
    .into()
}

/// Some requests are refused by this id.
pub(super) fn refund_rejected(order: usize, request: u128) -> Event {
    let request_id = Uuid::from_u128(request);
    RefundRejected { order_id: order_id(order), request_id, reason: reason() }.into()
}
