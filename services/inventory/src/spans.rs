//! The spans of the service's decisions.

use minuet_events::{Codec, Event, EventType, names as attribute};
use minuet_messaging::DomainSpans;
use minuet_telemetry::Span;

use crate::names::span;

pub(crate) struct InventorySpans;

impl DomainSpans<Codec> for InventorySpans {
    fn operation(&self, emitted: EventType) -> Option<&'static str> {
        Some(match emitted {
            EventType::InventoryReserved | EventType::InventoryRejected => span::INVENTORY_RESERVE,
            EventType::InventoryConfirmed | EventType::InventoryConfirmationFailed => span::INVENTORY_CONFIRM,
            EventType::InventoryReleased | EventType::ReservationExpired => span::INVENTORY_RELEASE,
            EventType::StockLevelChanged | EventType::StockAdjustmentRejected => span::INVENTORY_ADJUST,
            _ => return None,
        })
    }

    fn describe(&self, span: Span, event: &Event) -> Span {
        let count = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
        match event {
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
            _ => span,
        }
    }
}
