//! The HTTP routes of every service: liveness, readiness, counts, dead letters.

mod dead_letters;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::{Counts, Health};

pub(crate) use dead_letters::dead_letter_routes;

pub(crate) fn health_routes(health: Health, counts: Arc<Counts>) -> Router {
    Router::new()
        .route("/healthz", get(live))
        .route("/readyz", get(ready))
        .with_state(health)
        .route("/counts", get(count).with_state(counts))
}

/// Always 200: a restart repairs no dependency. The report on dependencies is for people.
async fn live(State(health): State<Health>) -> Response {
    Json(json!({"ok": true, "since": health.since(), "dependencies": health.report(), "stalls": health.stalls()}))
        .into_response()
}

async fn ready(State(health): State<Health>) -> Response {
    let status = if health.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let report = json!({"ready": health.ready(), "dependencies": health.report(), "stalls": health.stalls()});
    (status, Json(report)).into_response()
}

async fn count(State(counts): State<Arc<Counts>>) -> Response {
    Json(&*counts).into_response()
}
