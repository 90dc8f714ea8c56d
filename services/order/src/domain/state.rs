use std::fmt;

use minuet_events::orders::{OrderPlaced, Problem};
use minuet_events::values::{Amount, CancellationReason, Currency, OrderId, OrderStatus, PaymentId, UserId};

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

/// A state without what is true in it: what the table of reactions names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderState {
    Unknown,
    Tombstone,
    Pending,
    Paid,
    Confirmed,
    Cancelled,
    Failed,
}

impl OrderState {
    /// The name in the table of reactions.
    pub const fn name(self) -> &'static str {
        match self {
            OrderState::Unknown => "unknown",
            OrderState::Tombstone => "tombstone",
            OrderState::Pending => "pending",
            OrderState::Paid => "paid",
            OrderState::Confirmed => "confirmed",
            OrderState::Cancelled => "cancelled",
            OrderState::Failed => "failed",
        }
    }

    /// None: the order was not submitted yet.
    pub const fn status(self) -> Option<OrderStatus> {
        match self {
            OrderState::Unknown | OrderState::Tombstone => None,
            OrderState::Pending => Some(OrderStatus::Pending),
            OrderState::Paid => Some(OrderStatus::Paid),
            OrderState::Confirmed => Some(OrderStatus::Confirmed),
            OrderState::Cancelled => Some(OrderStatus::Cancelled),
            OrderState::Failed => Some(OrderStatus::Failed),
        }
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Order {
    pub const fn state(&self) -> OrderState {
        match self {
            Order::Unknown => OrderState::Unknown,
            Order::Tombstone(_) => OrderState::Tombstone,
            Order::Pending(_) => OrderState::Pending,
            Order::Paid(..) => OrderState::Paid,
            Order::Confirmed(..) => OrderState::Confirmed,
            Order::Cancelled => OrderState::Cancelled,
            Order::Failed => OrderState::Failed,
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
        reason: CancellationReason,
        detail: Option<String>,
    },
    Failed(Vec<Problem>),
}
