use std::fmt;

use minuet_events::inventory::InventoryReserved;
use minuet_events::payments::RefundRequested;
use minuet_events::values::{CancellationReason, Micros, OrderId, RefundId};
use minuet_events::{Event, EventType};
use uuid::Uuid;

use super::standing::{Action, Dispute};
use super::state::Answer;

/// What may happen to a payment.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    Reserved {
        reserved: &'a InventoryReserved,
        now: Micros,
    },
    Stop(StopCause),
    /// `request`: the `ce_id` of the request.
    RefundRequested {
        requested: &'a RefundRequested,
        request: Uuid,
    },
    Answered(&'a Answer),
    /// The provider has given this refund.
    Refunded(RefundId),
    /// Nothing is captured until the customer has acted. `reserved_until`: the end of the reservation.
    ActionRequired {
        action: &'a Action,
        reserved_until: Micros,
    },
    /// A dispute is new at the provider, or was decided.
    Disputed {
        order_id: OrderId,
        dispute: &'a Dispute,
    },
}

impl<'a> Input<'a> {
    /// The one mapping from an event to an input. `id`: the event's `ce_id`. None: the event decides nothing about a
    /// payment.
    pub fn of(event: &'a Event, id: Uuid, now: Micros) -> Option<Input<'a>> {
        match event {
            Event::InventoryReserved(reserved) => Some(Input::Reserved { reserved, now }),
            Event::OrderCancelled(_) => Some(Input::Stop(StopCause::OrderCancelled)),
            Event::ReservationExpired(_) => Some(Input::Stop(StopCause::ReservationExpired)),
            Event::InventoryConfirmationFailed(_) => {
                Some(Input::Stop(StopCause::InventoryConfirmationFailed))
            }
            Event::RefundRequested(requested) => Some(Input::RefundRequested { requested, request: id }),
            // Consumed, whatever the payment's state: the provider is asked.
            Event::ProviderNotified(_) => None,
            // Not consumed.
            Event::OrderSubmitted(_)
            | Event::OrderCancellationRequested(_)
            | Event::OrderPlaced(_)
            | Event::OrderRejected(_)
            | Event::OrderConfirmed(_)
            | Event::OrderFailed(_)
            | Event::OrderCancellationRejected(_)
            | Event::InventoryRejected(_)
            | Event::InventoryConfirmed(_)
            | Event::InventoryReleased(_)
            | Event::StockAdjusted(_)
            | Event::StockLevelChanged(_)
            | Event::StockAdjustmentRejected(_)
            | Event::PaymentSucceeded(_)
            | Event::PaymentFailed(_)
            | Event::PaymentRefunded(_)
            | Event::RefundRejected(_)
            | Event::PaymentActionRequired(_)
            | Event::PaymentDisputed(_)
            | Event::ProductChanged(_)
            | Event::EventParked(_) => None,
        }
    }

    pub const fn kind(&self) -> InputKind {
        match self {
            Input::Reserved { .. } => InputKind::Event(EventType::InventoryReserved),
            Input::Stop(cause) => InputKind::Event(cause.event()),
            Input::RefundRequested { .. } => InputKind::Event(EventType::RefundRequested),
            Input::Answered(_) => InputKind::Answer,
            Input::Refunded(_) => InputKind::Refund,
            Input::ActionRequired { .. } => InputKind::ActionRequired,
            Input::Disputed { .. } => InputKind::Dispute,
        }
    }
}

/// An input without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    Event(EventType),
    Answer,
    Refund,
    ActionRequired,
    Dispute,
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputKind::Event(event) => f.write_str(event.name()),
            InputKind::Answer => f.write_str("the provider's answer"),
            InputKind::Refund => f.write_str("the provider's refund"),
            InputKind::ActionRequired => f.write_str("an action of the customer"),
            InputKind::Dispute => f.write_str("a dispute"),
        }
    }
}

/// Why an order needs no payment any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    OrderCancelled,
    ReservationExpired,
    InventoryConfirmationFailed,
}

impl StopCause {
    pub(super) const fn event(self) -> EventType {
        match self {
            StopCause::OrderCancelled => EventType::OrderCancelled,
            StopCause::ReservationExpired => EventType::ReservationExpired,
            StopCause::InventoryConfirmationFailed => EventType::InventoryConfirmationFailed,
        }
    }

    pub(super) const fn reason(self) -> CancellationReason {
        match self {
            StopCause::OrderCancelled => CancellationReason::OrderCancelled,
            StopCause::ReservationExpired => CancellationReason::ReservationExpired,
            StopCause::InventoryConfirmationFailed => CancellationReason::InventoryConfirmationFailed,
        }
    }
}
