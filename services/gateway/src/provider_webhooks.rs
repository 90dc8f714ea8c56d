//! `POST /v1/providers/{provider}/webhook`: a payment provider tells that something has happened to a payment.
//!
//! The body is believed only as far as its signature goes, and is a hint even then: it becomes a `ProviderNotified`, and the payment
//! service asks the provider what is true. A notification without an order, or of something else, is answered 2xx and dropped: the provider
//! would only send it again.

mod notification;
mod secrets;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use minuet_events::payments::ProviderNotified;
use minuet_events::{Event, ids};
use minuet_http::{Problem, ProblemType};
use minuet_identity::{WebhookRefused, verify_webhook};
use minuet_telemetry::meters::attribute;
use time::OffsetDateTime;

use crate::AppState;
use crate::api::WebhookRefusal;
use crate::body::RawBody;
use crate::meters::attribute as key;
use crate::problems;
use crate::trace::IncomingTrace;

use notification::{Notification, Read};
pub use secrets::SecretsError;
pub(crate) use secrets::WebhookSecrets;

/// The providers whose webhooks are known: both sign as Stripe does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Stripe,
    Simulated,
}

impl Provider {
    const ALL: [Provider; 2] = [Provider::Stripe, Provider::Simulated];

    const fn as_str(self) -> &'static str {
        match self {
            Provider::Stripe => "stripe",
            Provider::Simulated => "simulated",
        }
    }

    fn parse(text: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.as_str() == text)
    }

    /// Where the signature stands.
    const fn signature_header(self) -> &'static str {
        match self {
            Provider::Stripe => "stripe-signature",
            Provider::Simulated => "minuet-signature",
        }
    }
}

/// Takes no token: the signature says who sends it.
#[utoipa::path(
    post,
    path = "/v1/providers/{provider}/webhook",
    operation_id = "notifyOfPayment",
    summary = "Tell of a payment (for payment providers)",
    description = "The body is signed over its bytes as Stripe signs: `t=SECONDS,v1=HMAC-SHA256` in the header `Stripe-Signature` \
        (`Minuet-Signature` from the simulated provider), made within the last 300 seconds. Answered 204 once the notification is taken in, and \
        for a notification that concerns no payment of an order.",
    tag = "providers",
    params(
        ("provider" = String, Path, description = "`stripe` or `simulated`, where its secrets are configured"),
        ("Stripe-Signature" = Option<String>, Header, description = "The signature of `stripe`"),
        ("Minuet-Signature" = Option<String>, Header, description = "The signature of `simulated`"),
    ),
    request_body(content = serde_json::Value, description = "The provider's event object", content_type = "application/json"),
    responses((status = 204, description = "Taken in, or of no concern"), WebhookRefusal),
    security(())
)]
pub(crate) async fn notify(
    State(state): State<Arc<AppState>>,
    Path(provider): Path<String>,
    trace: IncomingTrace,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    let known = Provider::parse(&provider).filter(|provider| state.webhook_secrets.takes(*provider));
    let provider = known.ok_or_else(Problem::not_found)?;
    let answer = take(&state, provider, trace, &headers, &body).await;
    let outcome = match &answer {
        Ok(outcome) => *outcome,
        Err((outcome, _)) => *outcome,
    };
    let attributes = [attribute(key::PROVIDER, provider.as_str()), attribute(key::OUTCOME, outcome)];
    state.meters.webhooks.add(1, &attributes);
    answer.map(|_| StatusCode::NO_CONTENT).map_err(|(_, problem)| problem)
}

/// What became of it, in one word for the meter.
async fn take(
    state: &AppState,
    provider: Provider,
    trace: IncomingTrace,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<&'static str, (&'static str, Problem)> {
    verify(state, provider, headers, body).map_err(|refused| {
        tracing::warn!(
            provider = provider.as_str(),
            reason = refused.code(),
            "webhook's signature was refused"
        );
        (refused.code(), Problem::new(problems::WEBHOOK_REFUSED, refused.to_string()))
    })?;
    let Notification { id, kind, reference, order_id } = match notification::read(body) {
        Read::Notification(notification) => notification,
        Read::OfNoConcern => return Ok("of_no_concern"),
        Read::WithoutOrder => return Ok("without_order"),
        Read::NoEvent { detail } => {
            return Err(("no_event", Problem::new(ProblemType::INVALID_REQUEST, detail)));
        }
        Read::NoJson(error) => return Err(("no_event", Problem::from(error))),
    };
    minuet_telemetry::note_subject(&order_id.to_string());
    let event_id = ids::provider_notification_id(provider.as_str(), &id, order_id);
    let event = Event::from(ProviderNotified {
        order_id,
        provider: provider.as_str().to_owned(),
        notification_id: id,
        reference,
        kind,
    });
    state.publish_as(event_id, event, trace).await.map_err(|problem| ("not_acknowledged", problem))?;
    Ok("taken")
}

fn verify(
    state: &AppState,
    provider: Provider,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(), WebhookRefused> {
    // Two headers could be read in two ways.
    let mut given = headers.get_all(provider.signature_header()).iter();
    let header = given.next().and_then(|value| value.to_str().ok()).filter(|_| given.next().is_none());
    let header = header.ok_or(WebhookRefused::Malformed)?;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    verify_webhook(&state.webhook_secrets.of(provider), header, body, now)
}
