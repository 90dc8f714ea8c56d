//! Statuses, as the databases, HTTP, metrics and spans spell them.

use super::choice;

choice! {
    /// The status of an order. Final: confirmed, cancelled, failed.
    OrderStatus, "status", "pending, paid, confirmed, cancelled or failed", {
        /// Priced; goods and money are not yet certain.
        Pending = "pending",
        /// The payment is captured.
        Paid = "paid",
        /// Paid, and the goods are taken out of stock. Only a refund ends it later, as cancelled.
        Confirmed = "confirmed",
        Cancelled = "cancelled",
        /// Rejected when it was priced, or too little stock.
        Failed = "failed",
    }
}

choice! {
    /// The status of a reservation. An order for which there was too little stock has one as well: released, of no goods.
    ReservationStatus, "status", "reserved, confirmed or released", {
        Reserved = "reserved",
        /// The goods have left the warehouse.
        Confirmed = "confirmed",
        Released = "released",
    }
}

choice! {
    /// The status of a payment.
    PaymentStatus, "status", "pending, processing, success, failed or refunded", {
        Pending = "pending",
        /// The intent is recorded; the provider has not answered yet.
        Processing = "processing",
        /// Captured. It stays so while a refund is due.
        Success = "success",
        /// The provider can no longer capture it.
        Failed = "failed",
        Refunded = "refunded",
    }
}

impl OrderStatus {
    /// Whether the order has ended.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Confirmed | Self::Cancelled | Self::Failed => true,
            Self::Pending | Self::Paid => false,
        }
    }
}
