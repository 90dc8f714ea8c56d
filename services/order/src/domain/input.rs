use minuet_events::Event;
use minuet_events::inventory::{
    InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, ReservationExpired,
};
use minuet_events::orders::{OrderCancellationRequested, OrderSubmitted};
use minuet_events::payments::{PaymentFailed, PaymentRefunded, PaymentSucceeded};
use uuid::Uuid;

use super::pricing::Products;

/// What may happen to an order.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    Submitted {
        submitted: &'a OrderSubmitted,
        products: &'a Products,
    },
    /// `request`: the `ce_id` of the request.
    CancellationRequested {
        requested: &'a OrderCancellationRequested,
        request: Uuid,
    },
    PaymentSucceeded(&'a PaymentSucceeded),
    PaymentFailed(&'a PaymentFailed),
    PaymentRefunded(&'a PaymentRefunded),
    InventoryConfirmed(&'a InventoryConfirmed),
    InventoryRejected(&'a InventoryRejected),
    InventoryConfirmationFailed(&'a InventoryConfirmationFailed),
    ReservationExpired(&'a ReservationExpired),
    DeadlinePassed,
}

impl<'a> Input<'a> {
    /// The one mapping from an event to an input. `id`: the event's `ce_id`; `products`: at least those that the event
    /// names. None: the event decides nothing about an order.
    pub fn of(event: &'a Event, id: Uuid, products: &'a Products) -> Option<Input<'a>> {
        match event {
            Event::OrderSubmitted(submitted) => Some(Input::Submitted { submitted, products }),
            Event::OrderCancellationRequested(requested) => {
                Some(Input::CancellationRequested { requested, request: id })
            }
            Event::PaymentSucceeded(event) => Some(Input::PaymentSucceeded(event)),
            Event::PaymentFailed(event) => Some(Input::PaymentFailed(event)),
            Event::PaymentRefunded(event) => Some(Input::PaymentRefunded(event)),
            Event::InventoryConfirmed(event) => Some(Input::InventoryConfirmed(event)),
            Event::InventoryRejected(event) => Some(Input::InventoryRejected(event)),
            Event::InventoryConfirmationFailed(event) => Some(Input::InventoryConfirmationFailed(event)),
            Event::ReservationExpired(event) => Some(Input::ReservationExpired(event)),
            // Consumed, whatever the order's state: the product view, and the answer to a request.
            Event::ProductChanged(_)
            | Event::RefundRejected(_)
            | Event::PaymentActionRequired(_)
            | Event::PaymentDisputed(_) => None,
            // Not consumed.
            Event::OrderPlaced(_)
            | Event::OrderRejected(_)
            | Event::OrderConfirmed(_)
            | Event::OrderCancelled(_)
            | Event::OrderFailed(_)
            | Event::OrderCancellationRejected(_)
            | Event::InventoryReserved(_)
            | Event::InventoryReleased(_)
            | Event::StockAdjusted(_)
            | Event::StockLevelChanged(_)
            | Event::StockAdjustmentRejected(_)
            | Event::RefundRequested(_)
            | Event::ProviderNotified(_)
            | Event::EventParked(_) => None,
        }
    }
}
