//! Every request is measured, by its route and not by its path: a path is whatever somebody types.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use minuet_messaging::Publisher;
use minuet_telemetry::meters::{self, Counter, Histogram, Meters};
use minuet_telemetry::names::meter::{self, attribute as key};

use crate::AppState;

/// Webhooks of payment providers, by what became of them.
const PROVIDER_WEBHOOK_COUNT: meter::Definition = meter::Definition::counter(
    "provider.webhook.count",
    "{webhook}",
    "Webhooks of payment providers, by provider and by what became of them.",
);

/// Keys of the gateway's own attributes.
pub(crate) mod attribute {
    pub(crate) const PROVIDER: &str = "provider";
    pub(crate) const OUTCOME: &str = "outcome";
}

pub(crate) struct GatewayMeters {
    meters: Meters,
    requests: Histogram,
    pub(crate) webhooks: Counter,
}

impl GatewayMeters {
    /// Those of the publisher, or its own for both.
    pub(crate) fn of(
        publisher: Publisher<minuet_events::Codec>,
    ) -> (Publisher<minuet_events::Codec>, GatewayMeters) {
        let given = publisher.meters().cloned();
        let meters = given.clone().unwrap_or_else(|| Meters::local("gateway"));
        let publisher = if given.is_some() { publisher } else { publisher.measured(&meters) };
        let requests = meters.histogram(&meter::HTTP_DURATION);
        let webhooks = meters.counter(&PROVIDER_WEBHOOK_COUNT);
        (publisher, GatewayMeters { meters, requests, webhooks })
    }
}

/// `GET /metrics`
pub(crate) async fn show(State(state): State<Arc<AppState>>) -> Response {
    ([(CONTENT_TYPE, meters::CONTENT_TYPE)], state.meters.meters.text()).into_response()
}

pub(crate) async fn measure(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let attributes = [
        meters::attribute(key::HTTP_METHOD, method),
        meters::attribute(key::HTTP_ROUTE, route.unwrap_or_else(|| "none".to_owned())),
        meters::attribute(key::HTTP_STATUS, i64::from(response.status().as_u16())),
    ];
    state.meters.requests.record(begun.elapsed().as_secs_f64(), &attributes);
    response
}

/// A client may invent methods: the conventions' name for those.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "_OTHER",
    }
}
