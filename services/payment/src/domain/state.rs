use std::cmp::Ordering;
use std::fmt;

use minuet_events::values::{
    Amount, CancellationReason, Currency, OrderId, PaymentId, PaymentMethod, PaymentStatus, PaymentToken,
    RefundId,
};

/// What is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub payment_method: PaymentMethod,
    pub currency: Currency,
    pub amount: Amount,
    /// From the shop's front end, where the customer has chosen a card there.
    pub payment_token: Option<PaymentToken>,
}

impl Charge {
    /// What is left of the capture after so much was given back.
    pub fn left(&self, refunded: Amount) -> Amount {
        self.amount.checked_sub(refunded).unwrap_or_default()
    }
}

/// What is to be given back, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub refund_id: RefundId,
    pub reason: CancellationReason,
    pub amount: Amount,
    /// Whether the goods come back into stock if nothing is left.
    pub return_stock: bool,
}

/// A payment's state, with what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// No row yet.
    Unknown,
    /// The order ended before it was reserved: nothing will be charged.
    Prevented,
    /// The intent is recorded, and the provider is, or may have been, called. `stop`: why it is to be undone.
    Processing {
        charge: Charge,
        stop: Option<CancellationReason>,
    },
    /// Captured. `refunded`: given back in parts, less than what was captured.
    Success {
        charge: Charge,
        refunded: Amount,
    },
    /// A part is to be given back. `stop`: why everything that is left is to be given back after it.
    PartialRefundDue {
        charge: Charge,
        refunded: Amount,
        refund: Refund,
        stop: Option<CancellationReason>,
    },
    /// Everything that is left is to be given back.
    RefundDue {
        charge: Charge,
        refund: Refund,
    },
    Refunded,
    /// The provider can no longer capture.
    Failed,
}

/// A state without what is true in it: what the table of reactions names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentState {
    Unknown,
    Prevented,
    Processing,
    Success,
    PartialRefundDue,
    RefundDue,
    Refunded,
    Failed,
}

impl PaymentState {
    /// The name in the table of reactions.
    pub const fn name(self) -> &'static str {
        match self {
            PaymentState::Unknown => "unknown",
            PaymentState::Prevented => "prevented",
            PaymentState::Processing => "processing",
            PaymentState::Success => "success",
            PaymentState::PartialRefundDue => "partial_refund_due",
            PaymentState::RefundDue => "refund_due",
            PaymentState::Refunded => "refunded",
            PaymentState::Failed => "failed",
        }
    }

    /// As the database has it.
    pub const fn status(self) -> PaymentStatus {
        match self {
            PaymentState::Processing => PaymentStatus::Processing,
            PaymentState::Success | PaymentState::PartialRefundDue | PaymentState::RefundDue => {
                PaymentStatus::Success
            }
            PaymentState::Refunded => PaymentStatus::Refunded,
            PaymentState::Unknown | PaymentState::Prevented | PaymentState::Failed => PaymentStatus::Failed,
        }
    }
}

impl fmt::Display for PaymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Payment {
    pub const fn state(&self) -> PaymentState {
        match self {
            Payment::Unknown => PaymentState::Unknown,
            Payment::Prevented => PaymentState::Prevented,
            Payment::Processing { .. } => PaymentState::Processing,
            Payment::Success { .. } => PaymentState::Success,
            Payment::PartialRefundDue { .. } => PaymentState::PartialRefundDue,
            Payment::RefundDue { .. } => PaymentState::RefundDue,
            Payment::Refunded => PaymentState::Refunded,
            Payment::Failed => PaymentState::Failed,
        }
    }

    /// The payment after a change: every change and every state is written out.
    ///
    /// # Errors
    /// The state does not allow the change. `decide` never asks for such a change.
    pub fn after(&self, change: &Change) -> Result<Payment, InvalidTransition> {
        use Payment::{
            Failed, PartialRefundDue, Prevented, Processing, RefundDue, Refunded, Success, Unknown,
        };
        let invalid = || Err(InvalidTransition { state: self.state(), change: Box::new(change.clone()) });
        match change {
            Change::Prevented { .. } => match self {
                Unknown => Ok(Prevented),
                Prevented
                | Processing { .. }
                | Success { .. }
                | PartialRefundDue { .. }
                | RefundDue { .. }
                | Refunded
                | Failed => invalid(),
            },
            Change::Intent(charge) => match self {
                Unknown => Ok(Processing { charge: charge.clone(), stop: None }),
                Prevented
                | Processing { .. }
                | Success { .. }
                | PartialRefundDue { .. }
                | RefundDue { .. }
                | Refunded
                | Failed => invalid(),
            },
            Change::Refused { .. } => match self {
                Unknown => Ok(Failed),
                Prevented
                | Processing { .. }
                | Success { .. }
                | PartialRefundDue { .. }
                | RefundDue { .. }
                | Refunded
                | Failed => invalid(),
            },
            Change::StopRequested { reason } => match self {
                Processing { charge, stop: None } => {
                    Ok(Processing { charge: charge.clone(), stop: Some(reason.clone()) })
                }
                PartialRefundDue { charge, refunded, refund, stop: None } => Ok(PartialRefundDue {
                    charge: charge.clone(),
                    refunded: *refunded,
                    refund: refund.clone(),
                    stop: Some(reason.clone()),
                }),
                Unknown
                | Prevented
                | Processing { stop: Some(_), .. }
                | Success { .. }
                | PartialRefundDue { stop: Some(_), .. }
                | RefundDue { .. }
                | Refunded
                | Failed => invalid(),
            },
            Change::Captured { .. } => match self {
                Processing { charge, .. } => Ok(Success { charge: charge.clone(), refunded: Amount::ZERO }),
                Unknown
                | Prevented
                | Success { .. }
                | PartialRefundDue { .. }
                | RefundDue { .. }
                | Refunded
                | Failed => invalid(),
            },
            Change::Declined { .. } => match self {
                Processing { .. } => Ok(Failed),
                Unknown
                | Prevented
                | Success { .. }
                | PartialRefundDue { .. }
                | RefundDue { .. }
                | Refunded
                | Failed => invalid(),
            },
            Change::RefundDue(refund) => match self {
                Success { charge, refunded } => match charge.left(*refunded).cmp(&refund.amount) {
                    Ordering::Equal => Ok(RefundDue { charge: charge.clone(), refund: refund.clone() }),
                    Ordering::Greater => Ok(PartialRefundDue {
                        charge: charge.clone(),
                        refunded: *refunded,
                        refund: refund.clone(),
                        stop: None,
                    }),
                    Ordering::Less => invalid(),
                },
                Unknown
                | Prevented
                | Processing { .. }
                | PartialRefundDue { .. }
                | RefundDue { .. }
                | Refunded
                | Failed => invalid(),
            },
            Change::Refunded => match self {
                RefundDue { .. } => Ok(Refunded),
                PartialRefundDue { charge, refunded, refund, .. } => Ok(Success {
                    charge: charge.clone(),
                    refunded: refunded.checked_add(refund.amount).unwrap_or(charge.amount),
                }),
                Unknown | Prevented | Processing { .. } | Success { .. } | Refunded | Failed => invalid(),
            },
        }
    }
}

/// What the provider said about a charge: both are final, it cannot become the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Captured {
        transaction_id: String,
        response: String,
    },
    /// Declined, or stopped: it can no longer be captured.
    Declined {
        reason: String,
        response: String,
    },
}

/// How a decision changes a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The order ended before it was reserved.
    Prevented {
        reason: CancellationReason,
    },
    /// Record the intent, then call the provider.
    Intent(Charge),
    /// Too late to charge: nothing was called.
    Refused {
        charge: Charge,
        reason: String,
    },
    StopRequested {
        reason: CancellationReason,
    },
    Captured {
        transaction_id: String,
        response: String,
    },
    Declined {
        reason: String,
        response: String,
    },
    RefundDue(Refund),
    Refunded,
}

impl Change {
    pub const fn name(&self) -> &'static str {
        match self {
            Change::Prevented { .. } => "prevented",
            Change::Intent(_) => "intent",
            Change::Refused { .. } => "refused",
            Change::StopRequested { .. } => "stop requested",
            Change::Captured { .. } => "captured",
            Change::Declined { .. } => "declined",
            Change::RefundDue(_) => "refund due",
            Change::Refunded => "refunded",
        }
    }
}

/// A change that a state does not allow: a bug, since `decide` looks at the state first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {state} does not allow the change \"{}\"", change.name())]
pub struct InvalidTransition {
    pub state: PaymentState,
    pub change: Box<Change>,
}
