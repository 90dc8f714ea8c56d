use std::sync::Arc;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::{Router, middleware};
use minuet_http::{Caller, problem_pages, server_span};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api::Document;
use crate::{AppState, cors, health, meters, orders, problems, products, provider_webhooks, requests, stock};

/// The routes of the API, each with its operation in the document.
fn documented() -> (Router<Arc<AppState>>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(orders::submit, orders::list))
        .routes(routes!(orders::show))
        .routes(routes!(requests::cancel))
        .routes(routes!(requests::refund))
        .routes(routes!(products::show, products::put))
        .routes(routes!(stock::show))
        .routes(routes!(stock::adjust))
        .routes(routes!(provider_webhooks::notify))
        .split_for_parts()
}

/// The OpenAPI 3.1 document of the gateway.
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().1
}

/// Every path there is.
pub(crate) fn router(state: Arc<AppState>) -> Router {
    let (documented, document) = documented();
    let document = Bytes::from(document.to_json().unwrap_or_default());
    let show = move || std::future::ready(([(CONTENT_TYPE, "application/json")], document.clone()));
    let limited = documented
        .route("/openapi.json", get(show))
        .merge(SwaggerUi::new("/docs").config(Config::from("/openapi.json")))
        .merge(problem_pages(problems::OWN))
        .fallback(async || minuet_http::Problem::not_found());
    // An address that sends too much takes no place from others.
    let limited = state
        .caller_limits
        .clone()
        .apply(state.limits.clone().apply(limited))
        .layer(middleware::from_fn_with_state(Caller::Anybody(state.tracer), server_span));
    // Not limited: whoever watches a gateway that is full must still get an answer.
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(meters::show))
        .merge(cors::apply(limited, state.cors_origins.clone()))
        .layer(middleware::map_response(minuet_http::as_problem))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), meters::measure))
        .with_state(state)
}
