//! Liveness is about the process; readiness is about what it needs to take an order: Kafka and the order service.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use minuet_events::values::Micros;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use crate::Edge;

const KAFKA_LIMIT: Duration = Duration::from_secs(2);
/// Anybody may ask, so an answer is good for this long: a flood of questions is one question to Kafka.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Serialize)]
struct Report {
    ok: bool,
    /// When it came to be as it is.
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl Report {
    fn new(ok: bool, detail: &'static str) -> Self {
        let since = Micros::from_datetime(OffsetDateTime::now_utc()).to_string();
        Report { ok, since, detail: (!ok).then_some(detail) }
    }

    /// Keeps the time where nothing changed.
    fn after(self, earlier: Option<&Report>) -> Self {
        match earlier {
            Some(earlier) if earlier.ok == self.ok => earlier.clone(),
            _ => self,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct Dependencies {
    kafka: Report,
    order: Report,
}

/// What was found last, and when.
pub(crate) struct Health {
    started: String,
    last: Mutex<Option<(Instant, Dependencies)>>,
    /// Held while asking, so that one question is under way at most.
    asking: tokio::sync::Mutex<()>,
}

impl Health {
    pub(crate) fn new() -> Self {
        let started = Micros::from_datetime(OffsetDateTime::now_utc()).to_string();
        Health { started, last: Mutex::new(None), asking: tokio::sync::Mutex::new(()) }
    }

    fn last(&self) -> Option<(Instant, Dependencies)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn dependencies(&self, edge: &Edge) -> Dependencies {
        let _asking = self.asking.lock().await;
        self.ask(edge).await
    }

    /// Only by whoever holds `asking`.
    async fn ask(&self, edge: &Edge) -> Dependencies {
        let earlier = self.last();
        if let Some((at, dependencies)) = &earlier
            && at.elapsed() < FRESH
        {
            return dependencies.clone();
        }
        let earlier = earlier.map(|(_, dependencies)| dependencies);
        let (kafka, order) =
            tokio::join!(edge.publisher.ready(KAFKA_LIMIT), edge.downstream.order_service_answers());
        let dependencies = Dependencies {
            kafka: Report::new(kafka.is_ok(), "Kafka does not answer")
                .after(earlier.as_ref().map(|d| &d.kafka)),
            order: Report::new(order.is_ok(), "the order service does not answer")
                .after(earlier.as_ref().map(|d| &d.order)),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), dependencies.clone()));
        dependencies
    }
}

/// `GET /healthz`: 200 as long as the process lives, at once, with what was found last about the dependencies; they are asked
/// in the background, since they may be slow to answer.
pub(crate) async fn live(State(edge): State<Arc<Edge>>) -> Response {
    let last = edge.health.last();
    if last.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH) {
        let edge = Arc::clone(&edge);
        tokio::spawn(async move {
            if let Ok(_asking) = edge.health.asking.try_lock() {
                edge.health.ask(&edge).await;
            }
        });
    }
    let dependencies = last.map_or_else(|| json!({}), |(_, dependencies)| json!(dependencies));
    Json(json!({ "ok": true, "since": edge.health.started, "dependencies": dependencies })).into_response()
}

/// `GET /readyz`: 200 or 503, with which dependency is as it is since when.
pub(crate) async fn ready(State(edge): State<Arc<Edge>>) -> Response {
    let dependencies = edge.health.dependencies(&edge).await;
    let ready = dependencies.kafka.ok && dependencies.order.ok;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "dependencies": dependencies }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_when_it_came_to_be_as_it_is() {
        let report = |ok, since: &str| Report { ok, since: since.to_owned(), detail: None };
        let earlier = report(true, "8:00");
        assert_eq!(report(true, "9:00").after(Some(&earlier)).since, "8:00");
        assert_eq!(report(false, "9:00").after(Some(&earlier)).since, "9:00");
        assert_eq!(report(true, "9:00").after(None).since, "9:00");
    }
}
