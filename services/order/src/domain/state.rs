use minuet_events::orders::{OrderPlaced, Problem};
use minuet_events::values::{Amount, Currency, OrderId, PaymentId, UserId};

/// What every later event of an order repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub currency: Currency,
    pub total: Amount,
}

/// A cancellation that came before its order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Withdrawal {
    pub requested_by: UserId,
    pub reason: String,
}

/// An order's state, with what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// No row yet.
    Unknown,
    /// Cancelled before it was known: the end was seen before the beginning.
    Tombstone(Vec<Withdrawal>),
    Pending(Placed),
    Paid(Placed, PaymentId),
    /// The payment is missing when InventoryConfirmed overtook PaymentSucceeded.
    Confirmed(Placed, Option<PaymentId>),
    Cancelled,
    Failed,
}

impl Order {
    /// The name in the table of reactions.
    pub fn name(&self) -> &'static str {
        match self {
            Order::Unknown => "unknown",
            Order::Tombstone(_) => "tombstone",
            Order::Pending(_) => "pending",
            Order::Paid(..) => "paid",
            Order::Confirmed(..) => "confirmed",
            Order::Cancelled => "cancelled",
            Order::Failed => "failed",
        }
    }
}

/// How a decision changes an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Withdrawn(Withdrawal),
    Placed(OrderPlaced),
    Rejected(Vec<Problem>),
    Paid(PaymentId),
    /// The payment of an order that was confirmed already.
    PaymentNoted(PaymentId),
    Confirmed,
    Cancelled {
        reason: String,
        detail: Option<String>,
    },
    Failed(Vec<Problem>),
}
