use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};
use minuet_http::{Caller, server_span};

use crate::{AppState, health, meters, orders, products, requests, stock};

/// Every path there is.
pub(crate) fn router(state: Arc<AppState>) -> Router {
    let limited = Router::new()
        .route("/v1/orders", post(orders::submit).get(orders::list))
        .route("/v1/orders/{id}", get(orders::show))
        .route("/v1/orders/{id}/cancellation", post(requests::cancel))
        .route("/v1/orders/{id}/refund", post(requests::refund))
        .route("/v1/products/{sku}", get(products::show).put(products::put))
        .route("/v1/stock/{sku}", get(stock::show))
        .route("/v1/stock/{sku}/{warehouse_code}/adjustments", post(stock::adjust))
        .fallback(async || minuet_http::Problem::not_found());
    let limited = state
        .limits
        .clone()
        .apply(limited)
        .layer(middleware::from_fn_with_state(Caller::Anybody(state.tracer), server_span));
    // Not limited: whoever watches a gateway that is full must still get an answer.
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(meters::show))
        .merge(limited)
        .layer(middleware::map_response(minuet_http::as_problem))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), meters::measure))
        .with_state(state)
}
