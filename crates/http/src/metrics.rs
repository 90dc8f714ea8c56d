use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use minuet_telemetry::meters;

/// `GET /metrics` for Prometheus. `text` is called for each request, and gives the page in Prometheus' text format 0.0.4.
///
/// ```
/// use axum::Router;
/// use minuet_telemetry::meters::Meters;
///
/// let meters = Meters::local("shipping");
/// let router: Router = minuet_http::metrics_route(move || meters.text());
/// ```
pub fn metrics_route<S: Clone + Send + Sync + 'static>(
    text: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Router<S> {
    let show = move || {
        let text = text();
        async move { ([(CONTENT_TYPE, meters::CONTENT_TYPE)], text) }
    };
    Router::new().route("/metrics", get(show))
}
