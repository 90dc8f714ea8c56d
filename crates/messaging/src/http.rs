//! What every service shows over HTTP: whether it lives, whether it is ready, what it has counted.

mod dead_letters;
mod desk;
mod server_span;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use minuet_telemetry::meters::{self, Hub, Meters};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{Counts, Health};

pub(crate) use dead_letters::dead_letter_routes;
pub use desk::{Desk, away};
pub use server_span::{Caller, incoming_trace, server_span};

/// How long open requests may take to end once the service stops.
const GOODBYE: Duration = Duration::from_secs(5);

pub(crate) fn health_routes(health: Health, counts: Arc<Counts>) -> Router {
    Router::new()
        .route("/healthz", get(live))
        .route("/readyz", get(ready))
        .with_state(health)
        .route("/counts", get(count).with_state(counts))
}

/// `GET /metrics` of one service, for Prometheus.
pub(crate) fn metrics_route(meters: Meters) -> Router {
    page(move || meters.text())
}

/// `GET /metrics` of every service of this process.
pub fn metrics_page(hub: Hub) -> Router {
    page(move || hub.text())
}

fn page(text: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    let show = move || {
        let text = text();
        async move { ([(CONTENT_TYPE, meters::CONTENT_TYPE)], text) }
    };
    Router::new().route("/metrics", get(show))
}

/// 200 as long as the process lives: a restart mends no dependency. What it says of them is for people.
async fn live(State(health): State<Health>) -> Response {
    Json(json!({"ok": true, "since": health.since(), "dependencies": health.report()})).into_response()
}

async fn ready(State(health): State<Health>) -> Response {
    let status = if health.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": health.ready(), "dependencies": health.report()}))).into_response()
}

async fn count(State(counts): State<Arc<Counts>>) -> Response {
    Json(&*counts).into_response()
}

/// Serves until `shutdown`. The listener is bound by the caller, who then knows the port.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    let stop = shutdown.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
    let serving = tokio::spawn(server.into_future());
    shutdown.cancelled().await;
    match tokio::time::timeout(GOODBYE, serving).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(_) => {
            warn!("open requests were cut off");
            Ok(())
        }
    }
}

pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; is the port taken?")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}
