use std::fmt;

use minuet_events::orders::{OrderPlaced, Problem};
use minuet_events::values::{Amount, CancellationReason, Currency, OrderId, OrderStatus, PaymentId, UserId};
use uuid::Uuid;

/// The fields of OrderPlaced that later events copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub currency: Currency,
    pub total: Amount,
}

/// A cancellation that was requested before the order was submitted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EarlyCancellation {
    pub requested_by: UserId,
    /// At most [`MAX_EARLY_REASON_CHARS`] characters.
    pub reason: String,
    /// The `ce_id` of the request. `None`: stored by release 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
}

/// An order keeps early cancellations of at most so many users, one of each, and one of an admin.
pub const MAX_EARLY_CANCELLATIONS: usize = 8;
/// The gateway takes no longer reason.
pub const MAX_EARLY_REASON_CHARS: usize = 500;

impl EarlyCancellation {
    pub fn new(requested_by: &UserId, reason: &str, request: Uuid) -> Self {
        EarlyCancellation {
            requested_by: requested_by.clone(),
            reason: reason.chars().take(MAX_EARLY_REASON_CHARS).collect(),
            request: Some(request),
        }
    }
}

/// An order's state, with what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// No row yet.
    Unknown,
    /// Cancellations arrived, the order has not. Those of its user or of an admin cancel it when it arrives.
    CancelledBeforeSubmission(Vec<EarlyCancellation>),
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
    CancelledBeforeSubmission,
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
            OrderState::CancelledBeforeSubmission => "cancelled_before_submission",
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
            OrderState::Unknown | OrderState::CancelledBeforeSubmission => None,
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
            Order::CancelledBeforeSubmission(_) => OrderState::CancelledBeforeSubmission,
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
        use Order::{Cancelled, CancelledBeforeSubmission, Confirmed, Failed, Paid, Pending, Unknown};
        let invalid = || Err(InvalidTransition { state: self.state(), change: Box::new(change.clone()) });
        match change {
            Change::CancelledEarly(cancellation) => match self {
                Unknown => Ok(CancelledBeforeSubmission(vec![cancellation.clone()])),
                CancelledBeforeSubmission(earlier) => {
                    Ok(CancelledBeforeSubmission(earlier.iter().chain([cancellation]).cloned().collect()))
                }
                Pending(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Placed(placed) => match self {
                Unknown | CancelledBeforeSubmission(_) => Ok(Pending(Placed::from(placed))),
                Pending(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Rejected(_) => match self {
                Unknown | CancelledBeforeSubmission(_) => Ok(Failed),
                Pending(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Paid(payment) => match self {
                Pending(placed) => Ok(Paid(placed.clone(), *payment)),
                Unknown | CancelledBeforeSubmission(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => {
                    invalid()
                }
            },
            Change::PaymentNoted(payment) => match self {
                Confirmed(placed, None) => Ok(Confirmed(placed.clone(), Some(*payment))),
                Unknown
                | CancelledBeforeSubmission(_)
                | Pending(_)
                | Paid(..)
                | Confirmed(_, Some(_))
                | Cancelled
                | Failed => invalid(),
            },
            Change::Confirmed => match self {
                Pending(placed) => Ok(Confirmed(placed.clone(), None)),
                Paid(placed, payment) => Ok(Confirmed(placed.clone(), Some(*payment))),
                Unknown | CancelledBeforeSubmission(_) | Confirmed(..) | Cancelled | Failed => invalid(),
            },
            Change::Cancelled { .. } => match self {
                CancelledBeforeSubmission(_) | Pending(_) | Paid(..) | Confirmed(..) => Ok(Cancelled),
                Unknown | Cancelled | Failed => invalid(),
            },
            Change::Refunded => match self {
                Pending(_) | Paid(..) | Confirmed(..) | Cancelled => Ok(self.clone()),
                Unknown | CancelledBeforeSubmission(_) | Failed => invalid(),
            },
            Change::Failed(_) => match self {
                Pending(_) => Ok(Failed),
                Unknown | CancelledBeforeSubmission(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => {
                    invalid()
                }
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
    CancelledEarly(EarlyCancellation),
    Placed(OrderPlaced),
    Rejected(Vec<Problem>),
    Paid(PaymentId),
    /// The payment of an order that was confirmed already.
    PaymentNoted(PaymentId),
    Confirmed,
    Cancelled {
        reason: CancellationReason,
        detail: Option<String>,
        /// The `ce_id` of the request that cancels. `None`: no user's request.
        request: Option<Uuid>,
    },
    /// Money was given back, and the status stays.
    Refunded,
    Failed(Vec<Problem>),
}

impl Change {
    pub const fn name(&self) -> &'static str {
        match self {
            Change::CancelledEarly(_) => "cancelled early",
            Change::Placed(_) => "placed",
            Change::Rejected(_) => "rejected",
            Change::Paid(_) => "paid",
            Change::PaymentNoted(_) => "payment noted",
            Change::Confirmed => "confirmed",
            Change::Cancelled { .. } => "cancelled",
            Change::Refunded => "refunded",
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
