//! The spans of the service's decisions.

use minuet_events::values::PaymentStatus;
use minuet_events::{Codec, Event, EventType, names as attribute};
use minuet_messaging::DomainSpans;
use minuet_telemetry::Span;

use crate::names::span;

pub(crate) struct PaymentSpans;

impl DomainSpans<Codec> for PaymentSpans {
    fn operation(&self, emitted: EventType) -> Option<&'static str> {
        Some(match emitted {
            EventType::PaymentSucceeded | EventType::PaymentFailed => span::PAYMENT_PROCESS,
            EventType::PaymentRefunded | EventType::RefundRejected => span::PAYMENT_REFUND,
            _ => return None,
        })
    }

    fn describe(&self, span: Span, event: &Event) -> Span {
        match event {
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
