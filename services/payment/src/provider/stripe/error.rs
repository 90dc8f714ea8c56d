//! How Stripe refuses.

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

/// A request to Stripe without success.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// The request may have been carried out.
    #[error("Stripe could not be reached, or did not answer in time")]
    Connection(#[source] reqwest::Error),
    /// The request may have been carried out. `is_replayed`: Stripe keeps this answer under the request's key, and would repeat it.
    #[error("Stripe answered {status}{}", in_parentheses(request_id.as_deref()))]
    Unavailable { status: StatusCode, request_id: Option<String>, is_replayed: bool },
    #[error("Stripe's answer ({status}) is not what its API describes")]
    Unreadable { status: StatusCode },
    /// An answer: the same request would be refused again.
    #[error("Stripe refused the request: {0}")]
    Refused(Box<Refusal>),
}

/// An error object of Stripe's API.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    /// `card_error`, `invalid_request_error`, `idempotency_error`, `api_error`.
    pub kind: String,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
    pub request_id: Option<String>,
}

impl Refusal {
    /// Whether Stripe says no to this payment, and not to the one who asks (a wrong key, a key used for another request).
    pub fn is_about_the_payment(&self) -> bool {
        self.status == StatusCode::PAYMENT_REQUIRED
            || (self.status == StatusCode::BAD_REQUEST && self.kind == "invalid_request_error")
    }

    /// One word: Stripe's most exact.
    pub fn reason(&self) -> &str {
        let word = self.decline_code.as_deref().or(self.code.as_deref());
        word.unwrap_or(if self.kind == "card_error" { "card_declined" } else { "refused_by_provider" })
    }

    /// Without Stripe's message, which may repeat the customer's token.
    pub(super) fn summary(&self) -> String {
        let Refusal { status, kind, code, .. } = self;
        format!("{} {kind} {}", status.as_u16(), code.as_deref().unwrap_or("without a code"))
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.kind)?;
        for part in [&self.code, &self.decline_code, &self.message].into_iter().flatten() {
            write!(f, ", {part}")?;
        }
        f.write_str(&in_parentheses(self.request_id.as_deref()))
    }
}

fn in_parentheses(request_id: Option<&str>) -> String {
    request_id.map(|id| format!(" (request {id})")).unwrap_or_default()
}

#[derive(Deserialize)]
struct Body {
    error: ErrorObject,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
}

/// Reads an answer that is no success and is not retried.
pub(super) fn refused(status: StatusCode, request_id: Option<String>, body: &[u8]) -> StripeError {
    let Ok(Body { error }) = serde_json::from_slice(body) else {
        return StripeError::Unreadable { status };
    };
    // About a key, the message repeats parts of the key.
    let message =
        error.message.filter(|_| status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN);
    StripeError::Refused(Box::new(Refusal {
        status,
        kind: error.kind,
        code: error.code,
        decline_code: error.decline_code,
        message,
        request_id,
    }))
}
