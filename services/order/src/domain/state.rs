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

    /// The order after a change: every change and every state is written out.
    ///
    /// # Errors
    /// The state does not allow the change. `decide` never asks for such a change.
    pub fn after(&self, change: &Change) -> Result<Order, InvalidTransition> {
        use Order::{Cancelled, Confirmed, Failed, Paid, Pending, Tombstone, Unknown};
        let invalid = || Err(InvalidTransition { state: self.state(), change: Box::new(change.clone()) });
        match change {
            Change::Withdrawn(withdrawal) => match self {
                Unknown => Ok(Tombstone(vec![withdrawal.clone()])),
                Tombstone(earlier) => Ok(Tombstone(earlier.iter().chain([withdrawal]).cloned().collect())),
                Pending(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Placed(placed) => match self {
                Unknown | Tombstone(_) => Ok(Pending(Placed::from(placed))),
                Pending(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Rejected(_) => match self {
                Unknown | Tombstone(_) => Ok(Failed),
                Pending(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Paid(payment) => match self {
                Pending(placed) => Ok(Paid(placed.clone(), *payment)),
                Unknown | Tombstone(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::PaymentNoted(payment) => match self {
                Confirmed(placed, None) => Ok(Confirmed(placed.clone(), Some(*payment))),
                Unknown
                | Tombstone(_)
                | Pending(_)
                | Paid(..)
                | Confirmed(_, Some(_))
                | Cancelled
                | Failed => invalid(),
            },
            Change::Confirmed => match self {
                Pending(placed) => Ok(Confirmed(placed.clone(), None)),
                Paid(placed, payment) => Ok(Confirmed(placed.clone(), Some(*payment))),
                Unknown | Tombstone(_) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Cancelled { .. } => match self {
                Tombstone(_) | Pending(_) | Paid(..) | Confirmed(..) => Ok(Cancelled),
                Unknown | Cancelled | Failed => invalid(),
            },
            Change::Failed(_) => match self {
                Pending(_) => Ok(Failed),
                Unknown | Tombstone(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
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

impl Change {
    pub const fn name(&self) -> &'static str {
        match self {
            Change::Withdrawn(_) => "withdrawn",
            Change::Placed(_) => "placed",
            Change::Rejected(_) => "rejected",
            Change::Paid(_) => "paid",
            Change::PaymentNoted(_) => "payment noted",
            Change::Confirmed => "confirmed",
            Change::Cancelled { .. } => "cancelled",
            Change::Failed(_) => "failed",
        }
    }
}

/// A change that a state does not allow: a bug, since `decide` looks at the state first.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("an order that is {state} does not allow the change \"{}\"", change.name())]
pub struct InvalidTransition {
    pub state: OrderState,
    pub change: Box<Change>,
}
