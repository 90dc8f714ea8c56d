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
