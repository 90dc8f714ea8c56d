use minuet_events::values::{Amount, Currency, OrderId, PaymentId, PaymentMethod, RefundId};

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
    pub reason: String,
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
        stop: Option<String>,
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

impl Payment {
    /// The name in the table of reactions.
    pub fn name(&self) -> &'static str {
        match self {
            Payment::Unknown => "unknown",
            Payment::Tombstone => "tombstone",
            Payment::Processing { .. } => "processing",
            Payment::Success { .. } => "success",
            Payment::RefundDue { .. } => "refund_due",
            Payment::Refunded => "refunded",
            Payment::Failed => "failed",
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
        reason: String,
    },
    /// Record the intent, then call the provider.
    Intent(Charge),
    /// Too late to charge: nothing was called.
    Refused {
        charge: Charge,
        reason: String,
    },
    StopRequested {
        reason: String,
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
