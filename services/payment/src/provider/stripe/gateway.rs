//! The client as the payment service's provider.

use minuet_events::values::{DisputeStatus, PaymentActionKind, PaymentId, RefundId};

use super::charge::Settled;
use super::client::{NewIntent, NewRefund, Stripe, Unpayable};
use super::error::{Refusal, StripeError};
use super::intent::Action as StripeAction;
use super::refund::{Dispute, DisputeStanding, Refund, RefundStatus};
use crate::domain::{Action, Answer, Charge, ProviderReference, Standing};
use crate::provider::{
    Created, ListedDispute, ListedRefund, NoAnswer, PaymentGateway, RefundRequest, RefundStanding,
};

impl PaymentGateway for Stripe {
    /// Stripe chooses its ids.
    fn own_reference(&self, _: PaymentId) -> Option<ProviderReference> {
        None
    }

    async fn create(&self, charge: &Charge) -> Result<Created, NoAnswer> {
        match Stripe::create(self, &new_intent(charge)).await {
            Ok(Ok(intent)) => Ok(Created::Unconfirmed(ProviderReference(intent.id))),
            Ok(Err(unpayable)) => {
                Ok(Created::Declined { reason: unpayable.to_string(), response: String::new() })
            }
            Err(StripeError::Refused(refusal)) if refusal.is_about_the_payment() => {
                Ok(Created::Declined { reason: refusal.reason().to_owned(), response: refusal.summary() })
            }
            Err(error) => Err(no_answer(&error)),
        }
    }

    async fn begin(&self, charge: &Charge, reference: &ProviderReference) -> Result<Standing, NoAnswer> {
        let settled = self.charge(reference.as_str(), &new_intent(charge)).await;
        settled.map(|settled| standing(settled, reference)).map_err(|error| no_answer(&error))
    }

    async fn ask(&self, charge: &Charge, reference: &ProviderReference) -> Result<Standing, NoAnswer> {
        let intent = self.retrieve(reference.as_str()).await.map_err(|error| no_answer(&error))?;
        if intent.metadata.get("payment_id").is_none_or(|id| *id != charge.payment_id.to_string()) {
            // Money of another order must not count for this one.
            return Err(NoAnswer { detail: format!("{} is another payment's intent", intent.id) });
        }
        let settled = self.settle(&intent).await;
        settled.map(|settled| standing(settled, reference)).map_err(|error| no_answer(&error))
    }

    async fn cancel(&self, _: &Charge, reference: &ProviderReference) -> Result<Standing, NoAnswer> {
        let settled = self.call_off(reference.as_str(), "stopped").await;
        settled.map(|settled| standing(settled, reference)).map_err(|error| no_answer(&error))
    }

    async fn refund(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
        refund: &RefundRequest,
    ) -> Result<RefundStanding, NoAnswer> {
        let new = NewRefund {
            intent: reference.as_str(),
            order_id: charge.order_id,
            refund_id: refund.refund_id,
            currency: charge.currency,
            amount: refund.amount,
        };
        match Stripe::refund(self, &new).await {
            Ok(Ok(refund)) => Ok(refund_standing(&refund)),
            Ok(Err(
                unpayable @ (Unpayable::AmountNotPayable
                | Unpayable::CurrencyNotTaken
                | Unpayable::TokenMissing),
            )) => Ok(RefundStanding::Failed { reason: unpayable.to_string() }),
            // More than is left, or too late: asked again, Stripe refuses again. A person looks.
            Err(StripeError::Refused(refusal)) if refusal.is_about_the_payment() => {
                Ok(RefundStanding::Failed { reason: refusal.to_string() })
            }
            Err(error) => Err(no_answer(&error)),
        }
    }

    async fn refunds(
        &self,
        _: &Charge,
        reference: &ProviderReference,
    ) -> Result<Vec<ListedRefund>, NoAnswer> {
        let refunds = Stripe::refunds(self, reference.as_str()).await.map_err(|error| no_answer(&error))?;
        refunds.iter().map(listed_refund).collect()
    }

    async fn disputes(
        &self,
        _: &Charge,
        reference: &ProviderReference,
    ) -> Result<Vec<ListedDispute>, NoAnswer> {
        let disputes = Stripe::disputes(self, reference.as_str()).await.map_err(|error| no_answer(&error))?;
        disputes.into_iter().map(listed_dispute).collect()
    }
}

fn new_intent(charge: &Charge) -> NewIntent<'_> {
    NewIntent {
        order_id: charge.order_id,
        payment_id: charge.payment_id,
        method: charge.payment_method,
        currency: charge.currency,
        amount: charge.amount,
        token: charge.payment_token.as_ref().map(|token| token.expose()),
    }
}

fn standing(settled: Settled, reference: &ProviderReference) -> Standing {
    let response = |status: &str| format!(r#"{{"intent":"{}","status":"{status}"}}"#, reference.as_str());
    match settled {
        Settled::Captured => Standing::Answered(Answer::Captured {
            transaction_id: reference.as_str().to_owned(),
            response: response("succeeded"),
        }),
        Settled::Declined { reason } => {
            Standing::Answered(Answer::Declined { reason, response: response("canceled") })
        }
        Settled::MustAct(action) => Standing::MustAct(customer_action(action)),
        Settled::Processing => Standing::Processing,
        Settled::Unconfirmed => Standing::Unconfirmed,
    }
}

fn customer_action(action: StripeAction) -> Action {
    let (kind, url, data) = match action {
        StripeAction::Redirect { url } => (PaymentActionKind::Redirect, Some(url), None),
        StripeAction::QrCode { data, url } => (PaymentActionKind::QrCode, url, data),
        StripeAction::ThreeDSecure { url, client_secret } => {
            (PaymentActionKind::ThreeDSecure, url, client_secret)
        }
    };
    // Stripe names no end: the reservation's counts.
    Action { kind, url, data, expires_at: None }
}

fn refund_standing(refund: &Refund) -> RefundStanding {
    match refund.status {
        Some(RefundStatus::Succeeded) => RefundStanding::Given,
        Some(RefundStatus::Pending | RefundStatus::RequiresAction) | None => RefundStanding::Pending,
        Some(RefundStatus::Failed | RefundStatus::Canceled) => RefundStanding::Failed {
            reason: refund.failure_reason.clone().unwrap_or_else(|| "refund_failed".to_owned()),
        },
    }
}

fn listed_refund(refund: &Refund) -> Result<ListedRefund, NoAnswer> {
    let (amount, _) = refund.money().ok_or_else(|| unreadable(&refund.id))?;
    Ok(ListedRefund {
        refund_id: refund.metadata.get("refund_id").and_then(|id| RefundId::parse(id).ok()),
        reference: refund.id.clone(),
        amount,
        standing: refund_standing(refund),
    })
}

fn listed_dispute(dispute: Dispute) -> Result<ListedDispute, NoAnswer> {
    let (amount, currency) = dispute.money().ok_or_else(|| unreadable(&dispute.id))?;
    let status = match dispute.standing() {
        DisputeStanding::Opened => DisputeStatus::Opened,
        DisputeStanding::Won => DisputeStatus::Won,
        DisputeStanding::Lost => DisputeStatus::Lost,
    };
    let reason = dispute.reason.unwrap_or_else(|| "general".to_owned());
    Ok(ListedDispute { dispute_id: dispute.id, status, reason, currency, amount })
}

fn unreadable(id: &str) -> NoAnswer {
    NoAnswer { detail: format!("the amount of {id} is in no currency that is known") }
}

/// With the causes: whether a name was not resolved or an answer too late.
fn no_answer(error: &StripeError) -> NoAnswer {
    let detail = match error {
        StripeError::Refused(refusal) => refused(refusal),
        error => minuet_telemetry::error_chain(error),
    };
    NoAnswer { detail }
}

fn refused(refusal: &Refusal) -> String {
    let remedy = match refusal.status.as_u16() {
        401 | 403 => "; look at payment.provider.stripe.secret_key_file",
        _ => "",
    };
    format!("Stripe refused the request: {refusal}{remedy}")
}
