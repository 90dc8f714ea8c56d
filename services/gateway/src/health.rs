//! Liveness is about the process; readiness is about what it needs to take an order: Kafka and the order service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use minuet_http::DependencyStatus;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;

use crate::AppState;

const KAFKA_TIMEOUT: Duration = Duration::from_secs(2);
/// Anybody may ask, so an answer is good for this long: a flood of questions is one question to Kafka.
const HEALTH_CACHE_TTL: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Serialize)]
struct Dependencies {
    kafka: DependencyStatus,
    order: DependencyStatus,
}

/// What was found last, and when.
pub(crate) struct Health {
    /// The process itself: its start.
    process: DependencyStatus,
    last: Mutex<Option<(Instant, Dependencies)>>,
    /// Held while asking, so that one question is under way at most.
    asking: tokio::sync::Mutex<()>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Health {
            process: DependencyStatus::up(),
            last: Mutex::new(None),
            asking: tokio::sync::Mutex::new(()),
        }
    }

    fn last(&self) -> Option<(Instant, Dependencies)> {
        self.last.lock().clone()
    }

    async fn dependencies(&self, state: &AppState) -> Dependencies {
        let _asking = self.asking.lock().await;
        self.ask(state).await
    }

    /// Only by whoever holds `asking`.
    async fn ask(&self, state: &AppState) -> Dependencies {
        let earlier = self.last();
        if let Some((at, dependencies)) = &earlier
            && at.elapsed() < HEALTH_CACHE_TTL
        {
            return dependencies.clone();
        }
        let earlier = earlier.map(|(_, dependencies)| dependencies);
        let (kafka, order) =
            tokio::join!(state.publisher.ready(KAFKA_TIMEOUT), state.downstream.order_service_answers());
        let kafka = match state.publisher.stalled(state.stall_after) {
            Some(age) if kafka.is_ok() => DependencyStatus::down(format!(
                "Kafka answers, and has acknowledged no event for {} s",
                age.as_secs()
            )),
            _ => status(kafka.is_ok(), "Kafka does not answer"),
        };
        let dependencies = Dependencies {
            kafka: kafka.after(earlier.as_ref().map(|d| &d.kafka)),
            order: status(order.is_ok(), "the order service does not answer")
                .after(earlier.as_ref().map(|d| &d.order)),
        };
        *self.last.lock() = Some((Instant::now(), dependencies.clone()));
        dependencies
    }
}

fn status(ok: bool, detail: &str) -> DependencyStatus {
    if ok { DependencyStatus::up() } else { DependencyStatus::down(detail) }
}

/// `GET /healthz`: 200 as long as the process lives, at once, with what was found last about the dependencies; they are asked
/// in the background, since they may be slow to answer.
pub(crate) async fn live(State(state): State<Arc<AppState>>) -> Response {
    let last = state.health.last();
    if last.as_ref().is_none_or(|(at, _)| at.elapsed() >= HEALTH_CACHE_TTL) {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            if let Ok(_asking) = state.health.asking.try_lock() {
                state.health.ask(&state).await;
            }
        });
    }
    let dependencies = last.map_or_else(|| json!({}), |(_, dependencies)| json!(dependencies));
    Json(json!({ "ok": true, "since": state.health.process.since, "dependencies": dependencies }))
        .into_response()
}

/// `GET /readyz`: 200 or 503, with which dependency is as it is since when.
pub(crate) async fn ready(State(state): State<Arc<AppState>>) -> Response {
    let dependencies = state.health.dependencies(&state).await;
    let ready = dependencies.kafka.ok && dependencies.order.ok;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "dependencies": dependencies }))).into_response()
}
