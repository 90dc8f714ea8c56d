//! The spans of the service's decisions.

use minuet_events::values::{OrderStatus, PaymentStatus};
use minuet_events::{Codec, Event, EventType, names as attribute};
use minuet_messaging::DomainSpans;
use minuet_telemetry::Span;

use crate::names::span;

pub(crate) struct OrderSpans;

impl DomainSpans<Codec> for OrderSpans {
    fn operation(&self, emitted: EventType) -> Option<&'static str> {
        Some(match emitted {
            EventType::OrderPlaced | EventType::OrderRejected => span::ORDER_CREATE,
            EventType::OrderConfirmed
            | EventType::OrderCancelled
            | EventType::OrderFailed
            | EventType::OrderCancellationRejected => span::ORDER_UPDATE,
            _ => return None,
        })
    }

    /// An order that was paid: the state changes, and no event is emitted.
    fn silent(&self) -> Option<&'static str> {
        Some(span::ORDER_UPDATE)
    }

    fn describe(&self, span: Span, event: &Event) -> Span {
        let count = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
        match event {
            Event::OrderPlaced(e) => span
                .with(attribute::USER_ID, e.user_id.to_string())
                .with(attribute::ITEMS_COUNT, count(e.lines.len()))
                .with(attribute::METHOD, e.payment_method.as_str())
                .with(attribute::ORDER_STATUS, OrderStatus::Pending.as_str()),
            Event::OrderRejected(e) => {
                let codes: Vec<&str> = e.problems.iter().map(|problem| problem.code.as_str()).collect();
                span.with(attribute::USER_ID, e.user_id.to_string())
                    .with(attribute::ORDER_STATUS, OrderStatus::Failed.as_str())
                    .failed_with("rejected", codes.join(", "))
            }
            Event::OrderConfirmed(e) => span
                .with(attribute::USER_ID, e.user_id.to_string())
                .with(attribute::ORDER_STATUS, OrderStatus::Confirmed.as_str()),
            Event::OrderCancelled(e) => span
                .with(attribute::USER_ID, e.user_id.to_string())
                .with(attribute::ORDER_STATUS, OrderStatus::Cancelled.as_str())
                .with("minuet.reason", e.reason.to_string()),
            Event::OrderFailed(e) => span
                .with(attribute::USER_ID, e.user_id.to_string())
                .with(attribute::ORDER_STATUS, OrderStatus::Failed.as_str()),
            Event::OrderCancellationRejected(e) => span.failed_with("refused", e.reason.clone()),
            Event::InventoryReserved(e) => span
                .with(attribute::USER_ID, e.user_id.to_string())
                .with(attribute::RESERVATIONS_COUNT, count(e.allocations.len())),
            Event::InventoryRejected(e) => {
                let skus: Vec<&str> = e.shortages.iter().map(|shortage| shortage.sku.as_str()).collect();
                span.with(attribute::RESERVATIONS_COUNT, 0_i64)
                    .failed_with("insufficient_stock", skus.join(", "))
            }
            Event::InventoryConfirmed(e) => {
                span.with(attribute::RESERVATIONS_COUNT, count(e.allocations.len()))
            }
            Event::InventoryReleased(e) => {
                span.with(attribute::RESERVATIONS_COUNT, count(e.allocations.len()))
            }
            Event::ReservationExpired(e) => {
                span.with(attribute::RESERVATIONS_COUNT, count(e.allocations.len()))
            }
            Event::InventoryConfirmationFailed(e) => span.failed_with("released", e.reason.clone()),
            Event::PaymentSucceeded(e) => span
                .with(attribute::PAYMENT_ID, e.payment_id.to_string())
                .with(attribute::PAYMENT_STATUS, PaymentStatus::Success.as_str())
                .with(attribute::TRANSACTION_ID, e.transaction_id.clone())
                .with(attribute::METHOD, e.payment_method.as_str()),
            Event::PaymentFailed(e) => span
                .with(attribute::PAYMENT_ID, e.payment_id.to_string())
                .with(attribute::PAYMENT_STATUS, PaymentStatus::Failed.as_str())
                .failed_with("declined", e.reason.clone()),
            Event::PaymentRefunded(e) => span
                .with(attribute::PAYMENT_ID, e.payment_id.to_string())
                .with(attribute::PAYMENT_STATUS, PaymentStatus::Refunded.as_str())
                .with("minuet.reason", e.reason.to_string()),
            Event::RefundRejected(e) => span.failed_with("refused", e.reason.clone()),
            _ => span,
        }
    }
}
