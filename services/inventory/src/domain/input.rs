use minuet_events::Event;
use minuet_events::orders::OrderPlaced;
use minuet_events::values::{Micros, OrderId};

/// What may happen to an order's reservation.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// `expires_at`: until when the goods are held for a payment.
    Placed {
        placed: &'a OrderPlaced,
        expires_at: Micros,
    },
    PaymentSucceeded {
        order_id: OrderId,
    },
    PaymentFailed {
        order_id: OrderId,
    },
    /// `returns`: nothing of the payment is left, and the goods come back.
    PaymentRefunded {
        order_id: OrderId,
        returns: bool,
    },
    /// `returns`: goods come back, also those that left the house.
    OrderCancelled {
        order_id: OrderId,
        returns: bool,
    },
    /// The sweeper found it due.
    Due {
        order_id: OrderId,
        now: Micros,
    },
}

impl<'a> Input<'a> {
    /// The one mapping from an event to an input. `expires_at`: until when goods that are reserved now are held. None: the
    /// event decides nothing about a reservation.
    pub fn of(event: &'a Event, expires_at: Micros) -> Option<Input<'a>> {
        match event {
            Event::OrderPlaced(placed) => Some(Input::Placed { placed, expires_at }),
            Event::PaymentSucceeded(event) => Some(Input::PaymentSucceeded { order_id: event.order_id }),
            Event::PaymentFailed(event) => Some(Input::PaymentFailed { order_id: event.order_id }),
            Event::PaymentRefunded(event) => {
                let returns = event.is_whole() && event.return_stock.unwrap_or(true);
                Some(Input::PaymentRefunded { order_id: event.order_id, returns })
            }
            Event::OrderCancelled(event) => {
                let returns = event.return_stock.unwrap_or(true);
                Some(Input::OrderCancelled { order_id: event.order_id, returns })
            }
            // Consumed, but about a level instead of a reservation.
            Event::StockAdjusted(_) => None,
            // Not consumed.
            Event::OrderSubmitted(_)
            | Event::OrderCancellationRequested(_)
            | Event::OrderRejected(_)
            | Event::OrderConfirmed(_)
            | Event::OrderFailed(_)
            | Event::OrderCancellationRejected(_)
            | Event::InventoryReserved(_)
            | Event::InventoryRejected(_)
            | Event::InventoryConfirmed(_)
            | Event::InventoryReleased(_)
            | Event::ReservationExpired(_)
            | Event::InventoryConfirmationFailed(_)
            | Event::StockLevelChanged(_)
            | Event::StockAdjustmentRejected(_)
            | Event::RefundRequested(_)
            | Event::RefundRejected(_)
            | Event::PaymentActionRequired(_)
            | Event::ProviderNotified(_)
            | Event::PaymentDisputed(_)
            | Event::ProductChanged(_)
            | Event::EventParked(_) => None,
        }
    }
}
