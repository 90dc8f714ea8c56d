use std::fmt;

use minuet_events::values::{
    Amount, CancellationReason, Currency, OrderId, PaymentId, PaymentMethod, PaymentStatus, RefundId,
};

/// What is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub payment_method: PaymentMethod,
    pub currency: Currency,
    pub amount: Amount,
}

/// What is to be given back, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub refund_id: RefundId,
    pub reason: CancellationReason,
}

/// A payment's state, with what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// No row yet.
    Unknown,
    /// The order's end was seen before there was anything to pay.
    Tombstone,
    /// The intent is recorded, and the provider is, or may have been, called. `stop`: why it is to be undone.
    Processing {
        charge: Charge,
        stop: Option<CancellationReason>,
    },
    /// Captured.
    Success {
        charge: Charge,
    },
    /// Captured, and to be given back.
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
    Tombstone,
    Processing,
    Success,
    RefundDue,
    Refunded,
    Failed,
}

impl PaymentState {
    /// The name in the table of reactions.
    pub const fn name(self) -> &'static str {
        match self {
            PaymentState::Unknown => "unknown",
            PaymentState::Tombstone => "tombstone",
            PaymentState::Processing => "processing",
            PaymentState::Success => "success",
            PaymentState::RefundDue => "refund_due",
            PaymentState::Refunded => "refunded",
            PaymentState::Failed => "failed",
        }
    }

    /// As the database has it.
    pub const fn status(self) -> PaymentStatus {
        match self {
            PaymentState::Processing => PaymentStatus::Processing,
            PaymentState::Success | PaymentState::RefundDue => PaymentStatus::Success,
            PaymentState::Refunded => PaymentStatus::Refunded,
            PaymentState::Unknown | PaymentState::Tombstone | PaymentState::Failed => PaymentStatus::Failed,
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
            Payment::Tombstone => PaymentState::Tombstone,
            Payment::Processing { .. } => PaymentState::Processing,
            Payment::Success { .. } => PaymentState::Success,
            Payment::RefundDue { .. } => PaymentState::RefundDue,
            Payment::Refunded => PaymentState::Refunded,
            Payment::Failed => PaymentState::Failed,
        }
    }

    /// The payment once this has happened to it. What its state does not take leaves it as it is.
    #[must_use]
    pub fn after(&self, change: &Change) -> Payment {
        use Payment::{Processing, RefundDue, Success};
        match (change, self) {
            (Change::Tombstone { .. }, _) => Payment::Tombstone,
            (Change::Intent(charge), _) => Processing { charge: charge.clone(), stop: None },
            (Change::StopRequested { reason }, Processing { charge, .. }) => {
                Processing { charge: charge.clone(), stop: Some(reason.clone()) }
            }
            (Change::Captured { .. }, Processing { charge, .. }) => Success { charge: charge.clone() },
            (Change::RefundDue(refund), Success { charge }) => {
                RefundDue { charge: charge.clone(), refund: refund.clone() }
            }
            (Change::StopRequested { .. } | Change::Captured { .. } | Change::RefundDue(_), _) => {
                self.clone()
            }
            (Change::Refused { .. } | Change::Declined { .. }, _) => Payment::Failed,
            (Change::Refunded, _) => Payment::Refunded,
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
    /// The end was seen before the beginning.
    Tombstone {
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
