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

    /// The order once this has happened to it. What its state does not take leaves it as it is.
    #[must_use]
    pub fn after(&self, change: &Change) -> Order {
        match (change, self) {
            (Change::Withdrawn(withdrawal), Order::Tombstone(earlier)) => {
                Order::Tombstone(earlier.iter().chain([withdrawal]).cloned().collect())
            }
            (Change::Withdrawn(withdrawal), _) => Order::Tombstone(vec![withdrawal.clone()]),
            (Change::Placed(placed), _) => Order::Pending(Placed::from(placed)),
            (Change::Paid(payment), Order::Pending(placed)) => Order::Paid(placed.clone(), *payment),
            (Change::PaymentNoted(payment), Order::Confirmed(placed, _)) => {
                Order::Confirmed(placed.clone(), Some(*payment))
            }
            (Change::Confirmed, Order::Pending(placed)) => Order::Confirmed(placed.clone(), None),
            (Change::Confirmed, Order::Paid(placed, payment)) => {
                Order::Confirmed(placed.clone(), Some(*payment))
            }
            (Change::Paid(_) | Change::PaymentNoted(_) | Change::Confirmed, _) => self.clone(),
            (Change::Cancelled { .. }, _) => Order::Cancelled,
            (Change::Rejected(_) | Change::Failed(_), _) => Order::Failed,
        }
    }
}

impl From<&OrderPlaced> for Placed {
    fn from(placed: &OrderPlaced) -> Self {
        let OrderPlaced { order_id, user_id, currency, total, .. } = placed;
        Placed { order_id: *order_id, user_id: user_id.clone(), currency: *currency, total: *total }
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
