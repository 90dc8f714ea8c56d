//! The HTTP edge: who asks, whether what they ask makes sense, and what became of it.
//!
//! **What it promises.** An order that is answered with 201 or 202 lies on `orders.intake`, acknowledged by every in-sync
//! replica; all that follows is the dance's. With an `Idempotency-Key` the same user gets the same order again, whichever
//! instance is asked, since the order's id is derived from both. Every refusal is a problem document (RFC 9457) whose `type`
//! is stable, and a refused body is told of every problem that it has.
//!
//! **Its state**: none but the keys that tokens are verified with. What it shows comes from the query APIs of the order and
//! inventory services.
//!
//! **When things fail.** Kafka away: 503 for whatever changes something, after the producer's own time limit; the event may
//! have arrived all the same, so the client repeats it under its key. The order service away: orders are still taken in, and
//! answered 202; reading is 503. A key file that cannot be read any more: the keys stay as they were.

mod api;
mod body;
mod conditional;
mod cors;
mod downstream;
mod fields;
mod health;
mod idempotency;
mod local_orders;
mod meters;
mod order_request;
mod orders;
mod path;
mod prefer;
mod problems;
mod products;
mod provider_webhooks;
mod publish;
mod requests;
mod router;
mod settings;
mod stock;
#[cfg(test)]
mod tests;
mod trace;
mod user;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use minuet_http::{BindError, CallerLimits, ClientTimeouts, Guarded, RequestLimits, ServerSettings};
use minuet_identity::{KeyError, Verifier};
use minuet_messaging::Publisher;
use minuet_telemetry::Tracer;
use minuet_telemetry::error_chain;
use tokio_util::sync::CancellationToken;

use crate::downstream::{Downstream, DownstreamError};
use crate::health::Health;
use crate::meters::GatewayMeters;
use crate::provider_webhooks::WebhookSecrets;

pub use local_orders::{LocalOrders, Until};
pub use provider_webhooks::SecretsError;
pub use router::openapi;
pub use settings::{Settings, SettingsError};

/// Why the gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("the keys for verifying tokens cannot be used")]
    Keys(#[from] KeyError),
    #[error("the secrets of providers' webhooks cannot be used")]
    WebhookSecrets(#[from] SecretsError),
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    #[error("gateway.listen: the gateway cannot listen")]
    Listen(#[from] BindError),
    #[error("the HTTP server failed")]
    Serve(#[source] std::io::Error),
}

/// What every request shares.
pub(crate) struct AppState {
    publisher: Publisher<minuet_events::Codec>,
    downstream: Downstream,
    verifier: Verifier,
    webhook_secrets: WebhookSecrets,
    health: Health,
    meters: GatewayMeters,
    limits: RequestLimits,
    caller_limits: CallerLimits,
    require_if_match: bool,
    cors_origins: Vec<HeaderValue>,
    answer_wait: Duration,
    longest_wait: Duration,
    body_timeout: Duration,
    stall_after: Duration,
    tracer: Tracer,
    shutdown: CancellationToken,
}

impl Guarded for AppState {
    fn verifier(&self) -> Option<&Verifier> {
        Some(&self.verifier)
    }

    fn caller_limits(&self) -> Option<&CallerLimits> {
        Some(&self.caller_limits)
    }
}

impl AppState {
    fn new(
        settings: &Settings,
        publisher: Publisher<minuet_events::Codec>,
        orders: Option<Arc<dyn LocalOrders>>,
        shutdown: CancellationToken,
    ) -> Result<Self, GatewayError> {
        let (order, inventory) = settings.check()?;
        let (publisher, meters) = GatewayMeters::of(publisher);
        let tracer = Tracer::of("gateway");
        Ok(AppState {
            publisher,
            downstream: Downstream::new(order, inventory, orders, tracer).map_err(GatewayError::Client)?,
            verifier: settings.identity().verifier()?,
            webhook_secrets: WebhookSecrets::open(settings)?,
            health: Health::new(),
            meters,
            limits: RequestLimits::new(
                settings.concurrent_requests,
                Duration::from_millis(settings.request_timeout_ms),
            ),
            caller_limits: CallerLimits::new(
                settings.user_requests_per_minute,
                settings.address_requests_per_minute,
                settings.trusted_proxies.clone(),
            ),
            require_if_match: settings.require_if_match,
            // Checked: an origin is ASCII.
            cors_origins: settings.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect(),
            answer_wait: Duration::from_millis(settings.answer_wait_ms),
            longest_wait: Duration::from_millis(settings.longest_wait_ms),
            body_timeout: Duration::from_millis(settings.body_timeout_ms),
            stall_after: Duration::from_secs(settings.stall_seconds.into()),
            tracer,
            shutdown,
        })
    }

    /// What a request waits for after its event was published. A failure, or a shutdown, ends the wait with None: the answer is
    /// then that the event was taken in, which is true.
    async fn wait_for<T>(
        &self,
        awaited: &'static str,
        asked: impl Future<Output = Result<Option<T>, DownstreamError>>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            answer = asked => answer.unwrap_or_else(|error| {
                tracing::warn!(error = error_chain(&error), awaited, "waiting for the outcome failed");
                None
            }),
            () = self.shutdown.cancelled() => None,
        }
    }
}

/// Serves until `shutdown`, then takes no more connections and finishes the requests that are open, within `shutdown_ms`.
/// The publisher is the caller's to flush. `bound` learns the address: the system chooses the port where the settings say 0.
pub async fn run(
    settings: Settings,
    publisher: Publisher<minuet_events::Codec>,
    shutdown: CancellationToken,
    bound: impl FnOnce(SocketAddr),
) -> Result<(), GatewayError> {
    run_with(settings, publisher, None, shutdown, bound).await
}

/// As [`run`], beside the order service in one process: an order is asked for by a call. `order_url` serves every other query,
/// and an order that cannot be had by the call.
pub async fn run_with(
    settings: Settings,
    publisher: Publisher<minuet_events::Codec>,
    orders: Option<Arc<dyn LocalOrders>>,
    shutdown: CancellationToken,
    bound: impl FnOnce(SocketAddr),
) -> Result<(), GatewayError> {
    let state = Arc::new(AppState::new(&settings, publisher, orders, shutdown.clone())?);
    let listener = minuet_http::bind(settings.listen).await?;
    bound(listener.local_addr().map_err(GatewayError::Serve)?);
    let server = server_settings(&settings);
    let router = router::router(Arc::clone(&state));
    tokio::select! {
        served = minuet_http::serve_with(listener, router, shutdown, server) => {
            served.map_err(GatewayError::Serve)
        }
        never = minuet_identity::follow(&state.verifier) => match never {},
        never = state.webhook_secrets.follow() => match never {},
    }
}

/// So much later than the handler, which answers 408, the server closes a connection whose body does not arrive.
const BODY_GRACE: Duration = Duration::from_secs(5);

fn server_settings(settings: &Settings) -> ServerSettings {
    let timeouts = ClientTimeouts {
        header: Duration::from_millis(settings.header_timeout_ms),
        idle: Duration::from_millis(settings.idle_timeout_ms),
        body: Duration::from_millis(settings.body_timeout_ms).saturating_add(BODY_GRACE),
        ..ClientTimeouts::default()
    };
    ServerSettings {
        shutdown_timeout: Duration::from_millis(settings.shutdown_ms),
        timeouts,
        ..ServerSettings::default()
    }
}
