//! The company that moves the money. A real one is reached over HTTP ([`stripe`]); [`Simulated`] stands in for it.

mod ledger;
mod settings;
mod simulated;
pub mod stripe;
#[cfg(test)]
mod tests;

use std::future::Future;

use minuet_events::values::{Amount, PaymentId, RefundId};

pub use ledger::{Entry, Ledger, LedgerError};
pub use settings::{ProviderKind, ProviderSettings, WebhookSettings};
pub use simulated::{Simulated, SimulatedError};

pub use crate::domain::{Action, Answer, Dispute as ListedDispute, ProviderReference, Standing};

use crate::domain::Charge;

/// The provider did not say what became of the request: it may have happened. Ask again.
#[derive(Debug, thiserror::Error)]
#[error("the payment provider gave no answer: {detail}")]
pub struct NoAnswer {
    pub detail: String,
}

/// A payment that was created at the provider, or is not taken by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// No money can move before [`PaymentGateway::begin`].
    Unconfirmed(ProviderReference),
    /// The provider takes no such payment: a currency that the method does not have, a token that is missing.
    Declined { reason: String, response: String },
}

/// What is to be given back, under an idempotency key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    pub refund_id: RefundId,
    pub amount: Amount,
}

/// Where a refund stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundStanding {
    /// Given back.
    Given,
    /// Taken in. The refund may still fail days later.
    Pending,
    /// Not given back, and not tried again by the provider.
    Failed { reason: String },
}

/// A refund as the provider lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// None: somebody made the refund at the provider, without us.
    pub refund_id: Option<RefundId>,
    /// The provider's id of the refund.
    pub reference: String,
    pub amount: Amount,
    pub standing: RefundStanding,
}

/// The payments of one provider.
///
/// Providers offer no look-up by our own key, so a payment is created without effect, its id is committed, and only then is the
/// payment begun. A crash before the commit leaves a payment that no money can come from; a repeated `create` finds the same one
/// for as long as the provider remembers our key. A crash after the commit is followed by `ask`.
pub trait PaymentGateway: Send + Sync + 'static {
    /// The provider's id of the payment, if that follows from ours. `create` is not called then, and nothing has to be committed
    /// before `begin`.
    fn own_reference(&self, payment: PaymentId) -> Option<ProviderReference>;

    /// Creates the payment, unconfirmed, under our payment's id as the idempotency key.
    fn create(&self, charge: &Charge) -> impl Future<Output = Result<Created, NoAnswer>> + Send;

    /// Captures the money, declines, or says what the customer has to do. A repetition gives the payment as it stands then.
    fn begin(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
    ) -> impl Future<Output = Result<Standing, NoAnswer>> + Send;

    /// Where the payment stands.
    fn ask(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
    ) -> impl Future<Output = Result<Standing, NoAnswer>> + Send;

    /// Makes sure that the payment is not captured any more. The answer is where the payment stands now: declined, captured
    /// already, or still processing, if the provider cannot stop it yet.
    fn cancel(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
    ) -> impl Future<Output = Result<Standing, NoAnswer>> + Send;

    /// Gives money back, once for each `refund_id`, for as long as the provider remembers it: look at `refunds` before a retry.
    fn refund(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
        refund: &RefundRequest,
    ) -> impl Future<Output = Result<RefundStanding, NoAnswer>> + Send;

    /// Every refund of the payment.
    fn refunds(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
    ) -> impl Future<Output = Result<Vec<ListedRefund>, NoAnswer>> + Send;

    /// Every dispute of the payment.
    fn disputes(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
    ) -> impl Future<Output = Result<Vec<ListedDispute>, NoAnswer>> + Send;
}
