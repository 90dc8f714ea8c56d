//! The domain's own spans: what each event that is emitted says was done.

use std::time::SystemTime;

use minuet_events::values::OrderId;
use minuet_events::{Event, EventType};
use minuet_telemetry::names::{attribute, span};
use minuet_telemetry::{Kind, Span};

use crate::Emission;

/// What was done where this is emitted. None: nothing of the domain's.
pub(crate) fn operation(emitted: EventType) -> Option<&'static str> {
    Some(match emitted {
        EventType::OrderPlaced | EventType::OrderRejected => span::ORDER_CREATE,
        EventType::OrderConfirmed
        | EventType::OrderCancelled
        | EventType::OrderFailed
        | EventType::OrderCancellationRejected => span::ORDER_UPDATE,
        EventType::InventoryReserved | EventType::InventoryRejected => span::INVENTORY_RESERVE,
        EventType::InventoryConfirmed | EventType::InventoryConfirmationFailed => span::INVENTORY_CONFIRM,
        EventType::InventoryReleased | EventType::ReservationExpired => span::INVENTORY_RELEASE,
        EventType::StockLevelChanged | EventType::StockAdjustmentRejected => span::INVENTORY_ADJUST,
        EventType::PaymentSucceeded | EventType::PaymentFailed => span::PAYMENT_PROCESS,
        EventType::PaymentRefunded | EventType::RefundRejected => span::PAYMENT_REFUND,
        _ => return None,
    })
}

/// What was done where a service changed its state and had nothing to tell: an order that was paid.
pub(super) fn quiet(service: &str) -> Option<&'static str> {
    (service == "order").then_some(span::ORDER_UPDATE)
}

/// The span of what led to this event, from its decision to its commit.
pub(crate) fn told(emission: &Emission, begun: SystemTime, committed: SystemTime) -> Option<Span> {
    let name = operation(emission.envelope.event_type)?;
    let step = Span::new(name, Kind::Internal, &emission.step(), begun).until(committed);
    let step = match emission.parent() {
        Some(parent) => step.under(&parent),
        None => step,
    };
    Some(described(keyed(step, &emission.envelope.subject), &emission.event))
}

/// An order's key is its id.
pub(super) fn keyed(span: Span, key: &str) -> Span {
    if OrderId::parse(key).is_ok() { span.with(attribute::ORDER_ID, key.to_owned()) } else { span }
}

/// Of an event about an order.
pub(super) fn of_order(span: Span, event: &Event) -> Span {
    keyed(span, &event.key())
}

/// What the event says of the order, and whether it is a refusal.
pub(super) fn described(span: Span, event: &Event) -> Span {
    let count = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
    match event {
        Event::OrderPlaced(e) => span
            .with(attribute::USER_ID, e.user_id.to_string())
            .with(attribute::ITEMS_COUNT, count(e.lines.len()))
            .with(attribute::METHOD, e.payment_method.as_str())
            .with(attribute::ORDER_STATUS, "pending"),
        Event::OrderRejected(e) => {
            let codes: Vec<&str> = e.problems.iter().map(|problem| problem.code.as_str()).collect();
            span.with(attribute::USER_ID, e.user_id.to_string())
                .with(attribute::ORDER_STATUS, "failed")
                .failed_with("rejected", codes.join(", "))
        }
        Event::OrderConfirmed(e) => {
            span.with(attribute::USER_ID, e.user_id.to_string()).with(attribute::ORDER_STATUS, "confirmed")
        }
        Event::OrderCancelled(e) => span
            .with(attribute::USER_ID, e.user_id.to_string())
            .with(attribute::ORDER_STATUS, "cancelled")
            .with("minuet.reason", e.reason.clone()),
        Event::OrderFailed(e) => {
            span.with(attribute::USER_ID, e.user_id.to_string()).with(attribute::ORDER_STATUS, "failed")
        }
        Event::OrderCancellationRejected(e) => span.failed_with("refused", e.reason.clone()),
        Event::InventoryReserved(e) => span
            .with(attribute::USER_ID, e.user_id.to_string())
            .with(attribute::RESERVATIONS_COUNT, count(e.allocations.len())),
        Event::InventoryRejected(e) => {
            let skus: Vec<&str> = e.shortages.iter().map(|shortage| shortage.sku.as_str()).collect();
            span.with(attribute::RESERVATIONS_COUNT, 0_i64).failed_with("insufficient_stock", skus.join(", "))
        }
        Event::InventoryConfirmed(e) => span.with(attribute::RESERVATIONS_COUNT, count(e.allocations.len())),
        Event::InventoryReleased(e) => span.with(attribute::RESERVATIONS_COUNT, count(e.allocations.len())),
        Event::ReservationExpired(e) => span.with(attribute::RESERVATIONS_COUNT, count(e.allocations.len())),
        Event::InventoryConfirmationFailed(e) => span.failed_with("released", e.reason.clone()),
        Event::PaymentSucceeded(e) => span
            .with(attribute::PAYMENT_ID, e.payment_id.to_string())
            .with(attribute::PAYMENT_STATUS, "success")
            .with(attribute::TRANSACTION_ID, e.transaction_id.clone())
            .with(attribute::METHOD, e.payment_method.as_str()),
        Event::PaymentFailed(e) => span
            .with(attribute::PAYMENT_ID, e.payment_id.to_string())
            .with(attribute::PAYMENT_STATUS, "failed")
            .failed_with("declined", e.reason.clone()),
        Event::PaymentRefunded(e) => span
            .with(attribute::PAYMENT_ID, e.payment_id.to_string())
            .with(attribute::PAYMENT_STATUS, "refunded")
            .with("minuet.reason", e.reason.clone()),
        Event::RefundRejected(e) => span.failed_with("refused", e.reason.clone()),
        _ => span,
    }
}
