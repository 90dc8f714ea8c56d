//! PaymentIntents: one for each payment, from its creation to its end.

use std::collections::BTreeMap;

use minuet_identity::Secret;
use serde::Deserialize;

/// A PaymentIntent, as far as it is read here.
#[derive(Clone, Debug, Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: IntentStatus,
    /// In Stripe's units, as is `amount_received`.
    pub amount: u64,
    #[serde(default)]
    pub amount_received: Option<u64>,
    pub currency: String,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    #[serde(default)]
    payment_method_types: Vec<String>,
    #[serde(default)]
    client_secret: Option<Secret>,
    #[serde(default)]
    next_action: Option<NextAction>,
    #[serde(default)]
    last_payment_error: Option<PaymentError>,
    #[serde(default)]
    cancellation_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
}

#[derive(Clone, Debug, Deserialize)]
struct NextAction {
    #[serde(default)]
    redirect_to_url: Option<Redirect>,
    #[serde(default)]
    alipay_handle_redirect: Option<Redirect>,
    #[serde(default)]
    wechat_pay_display_qr_code: Option<QrCode>,
}

#[derive(Clone, Debug, Deserialize)]
struct Redirect {
    #[serde(default)]
    url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct QrCode {
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    hosted_instructions_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct PaymentError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
}

/// What a customer has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go to the page of PayPal or Alipay.
    Redirect { url: String },
    /// Scan: the content of the code, and a page that shows it.
    QrCode { data: Option<String>, url: Option<String> },
    /// Prove to the bank that the card is theirs: on a page, or by Stripe.js with this client secret.
    ThreeDSecure { url: Option<String>, client_secret: Option<String> },
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Created, and never confirmed: no money moves.
    Unconfirmed,
    MustAct(Action),
    Processing,
    /// Refused; the customer could still try again, so that it has to be cancelled.
    Refused {
        reason: String,
    },
    Captured,
    /// Nothing can be captured any more.
    Canceled {
        reason: Option<String>,
    },
    /// Authorized by another's call: captures here are automatic. To be cancelled.
    Authorized,
}

impl Intent {
    pub fn standing(&self) -> Standing {
        match self.status {
            IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation => {
                match self.last_payment_error.as_ref().map(PaymentError::reason) {
                    Some(reason) => Standing::Refused { reason },
                    None => Standing::Unconfirmed,
                }
            }
            IntentStatus::RequiresAction => self.action().map_or(Standing::Processing, Standing::MustAct),
            IntentStatus::Processing => Standing::Processing,
            IntentStatus::RequiresCapture => Standing::Authorized,
            IntentStatus::Canceled => Standing::Canceled {
                reason: self
                    .last_payment_error
                    .as_ref()
                    .map(PaymentError::reason)
                    .or_else(|| self.cancellation_reason.clone()),
            },
            IntentStatus::Succeeded => Standing::Captured,
        }
    }

    /// Whether a confirmation has been taken in, or made impossible.
    pub(super) fn is_beyond_confirmation(&self) -> bool {
        match self.status {
            IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation => false,
            IntentStatus::RequiresAction
            | IntentStatus::Processing
            | IntentStatus::RequiresCapture
            | IntentStatus::Canceled
            | IntentStatus::Succeeded => true,
        }
    }

    /// None: an action that no page of ours can show. It ends with the reservation.
    fn action(&self) -> Option<Action> {
        let next = self.next_action.as_ref()?;
        if let Some(code) = &next.wechat_pay_display_qr_code {
            return Some(Action::QrCode {
                data: code.data.clone(),
                url: code.hosted_instructions_url.clone(),
            });
        }
        if let Some(url) = next.alipay_handle_redirect.as_ref().and_then(|redirect| redirect.url.clone()) {
            return Some(Action::Redirect { url });
        }
        let url = next.redirect_to_url.as_ref().and_then(|redirect| redirect.url.clone());
        let methods = &self.payment_method_types;
        if methods.is_empty() || methods.iter().any(|method| method == "card") {
            let client_secret = self.client_secret.as_ref().map(|secret| secret.expose().to_owned());
            return Some(Action::ThreeDSecure { url, client_secret });
        }
        url.map(|url| Action::Redirect { url })
    }
}

impl PaymentError {
    fn reason(&self) -> String {
        let word = self.decline_code.clone().or_else(|| self.code.clone());
        word.unwrap_or_else(|| "declined".to_owned())
    }
}
