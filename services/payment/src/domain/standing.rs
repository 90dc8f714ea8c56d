//! Where a payment stands at the provider.

use minuet_events::values::{Amount, Currency, DisputeStatus, Micros, PaymentActionKind};

use super::state::Answer;

/// The provider's own id of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProviderReference(pub String);

impl ProviderReference {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the provider says about a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never begun, or never heard of: no money moves.
    Unconfirmed,
    /// Final.
    Answered(Answer),
    /// Nothing is captured until the customer has acted.
    MustAct(Action),
    /// Begun, and not at its end.
    Processing,
}

/// What the customer has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub kind: PaymentActionKind,
    /// A page at the provider.
    pub url: Option<String>,
    /// The content of a QR code, or what the provider's script in the shop's page needs.
    pub data: Option<String>,
    /// None: the provider names no end.
    pub expires_at: Option<Micros>,
}

/// A dispute as the provider lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The provider's id of the dispute.
    pub dispute_id: String,
    pub status: DisputeStatus,
    pub reason: String,
    pub currency: Currency,
    pub amount: Amount,
}
