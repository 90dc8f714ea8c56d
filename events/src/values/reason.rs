//! Reasons that events carry from service to service. Each is a text on the wire; a text that this build does not know is
//! kept as it is, so that a newer program may give a reason of its own.

use super::open_choice;

open_choice! {
    /// Why an order is cancelled. A refund carries one too: if the order is still open, it is cancelled for that reason.
    CancellationReason {
        /// The order's user, or an admin, wanted it cancelled.
        Requested = "requested",
        PaymentFailed = "payment_failed",
        ReservationExpired = "reservation_expired",
        InventoryConfirmationFailed = "inventory_confirmation_failed",
        /// The money goes back because the order was cancelled.
        OrderCancelled = "order_cancelled",
        /// Somebody wanted the money back.
        Refunded = "refunded",
        /// The order was open for too long.
        Deadline = "deadline",
    }
}

open_choice! {
    /// Why reserved or confirmed goods are free again.
    ReleaseCause {
        PaymentFailed = "payment_failed",
        PaymentRefunded = "payment_refunded",
        OrderCancelled = "order_cancelled",
    }
}
