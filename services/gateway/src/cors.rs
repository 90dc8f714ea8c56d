//! Requests of pages in a browser (Fetch standard, CORS).

use std::time::Duration;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::CorsLayer;

/// How long a browser may keep the answer to its preflight request.
const MAX_AGE: Duration = Duration::from_secs(3_600);

/// Lets pages of these origins send requests. Without origins no page may, which is what a browser does by itself.
pub(crate) fn apply<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    origins: Vec<HeaderValue>,
) -> Router<S> {
    if origins.is_empty() {
        return router;
    }
    let name = HeaderName::from_static;
    let sent = [AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH];
    let ours = ["idempotency-key", "prefer", "traceparent", "tracestate"].map(name);
    let told = [ETAG, LOCATION, RETRY_AFTER];
    let more = ["preference-applied", "ratelimit", "ratelimit-policy", "traceresponse"].map(name);
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT])
        .allow_headers(sent.into_iter().chain(ours).collect::<Vec<_>>())
        .expose_headers(told.into_iter().chain(more).collect::<Vec<_>>())
        .max_age(MAX_AGE);
    router.layer(layer)
}
