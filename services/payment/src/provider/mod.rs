//! The company that moves the money. A real one is reached over HTTP ([`stripe`] is a client of one); [`Simulated`] stands in for it.

mod ledger;
mod settings;
mod simulated;
pub mod stripe;
#[cfg(test)]
mod tests;

use std::future::Future;

use minuet_events::values::{PaymentId, RefundId};

pub use ledger::{Entry, Ledger, LedgerError};
pub use settings::ProviderSettings;
pub use simulated::Simulated;

use crate::domain::{Answer, Charge};

/// The provider did not say what became of the request: it may have happened. Ask again under the same key.
#[derive(Debug, thiserror::Error)]
#[error("the payment provider gave no answer: {detail}")]
pub struct NoAnswer {
    pub detail: String,
}

/// Every call carries an idempotency key: the payment's id, or the refund's. Under one key something happens at most once,
/// and asking again gives the same answer.
pub trait PaymentGateway: Send + Sync + 'static {
    /// Captures the money, or declines.
    fn charge(&self, charge: &Charge) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;

    /// Makes sure that the charge is not captured any more; answers with what it is now: declined, or captured already.
    fn cancel(&self, payment: PaymentId) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;

    /// Gives the money back, once.
    fn refund(&self, charge: &Charge, refund: RefundId) -> impl Future<Output = Result<(), NoAnswer>> + Send;

    /// What became of a charge. None: the provider has never heard of it.
    fn look_up(&self, payment: PaymentId) -> impl Future<Output = Result<Option<Answer>, NoAnswer>> + Send;
}
