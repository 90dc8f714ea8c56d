//! A payment from its confirmation to its end.

use super::client::{NewIntent, Stripe};
use super::error::StripeError;
use super::intent::{Action, Intent, Standing};

/// Where a payment stands once Stripe was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    Captured,
    /// Cancelled at Stripe too: it can no longer be captured.
    Declined {
        reason: String,
    },
    MustAct(Action),
    Processing,
    /// Never confirmed.
    Unconfirmed,
}

impl Stripe {
    /// Confirms the intent. A decline is final: an intent that was refused is cancelled, since the customer could still pay it.
    ///
    /// # Errors
    /// No answer, or one that says nothing about the payment (a key that is not taken). It may have been captured.
    pub async fn charge(&self, intent: &str, new: &NewIntent<'_>) -> Result<Settled, StripeError> {
        match self.confirm(intent, new).await {
            Ok(intent) => self.settle(&intent).await,
            Err(StripeError::Refused(refusal)) if refusal.is_about_the_payment() => {
                self.call_off(intent, refusal.reason()).await
            }
            Err(error) => Err(error),
        }
    }

    /// # Errors
    /// As [`Stripe::charge`].
    pub async fn ask(&self, intent: &str) -> Result<Settled, StripeError> {
        self.settle(&self.retrieve(intent).await?).await
    }

    /// Cancels the intent. What was captured before stays captured; a payment that is under way cannot be cancelled yet.
    ///
    /// # Errors
    /// As [`Stripe::charge`].
    pub async fn call_off(&self, intent: &str, reason: &str) -> Result<Settled, StripeError> {
        let cancelled = self.cancel(intent).await?;
        Ok(match cancelled.standing() {
            Standing::Captured => Settled::Captured,
            Standing::Canceled { .. } => Settled::Declined { reason: reason.to_owned() },
            Standing::MustAct(action) => Settled::MustAct(action),
            Standing::Processing | Standing::Authorized | Standing::Refused { .. } => Settled::Processing,
            Standing::Unconfirmed => Settled::Unconfirmed,
        })
    }

    pub(super) async fn settle(&self, intent: &Intent) -> Result<Settled, StripeError> {
        match intent.standing() {
            Standing::Captured => Ok(Settled::Captured),
            Standing::Canceled { reason } => {
                Ok(Settled::Declined { reason: reason.unwrap_or_else(|| "cancelled".to_owned()) })
            }
            Standing::Refused { reason } => self.call_off(&intent.id, &reason).await,
            Standing::Authorized => self.call_off(&intent.id, "not_captured").await,
            Standing::MustAct(action) => Ok(Settled::MustAct(action)),
            Standing::Processing => Ok(Settled::Processing),
            Standing::Unconfirmed => Ok(Settled::Unconfirmed),
        }
    }
}
