//! The inventory service's queries. For the gateway: identity is checked there, this listens on a private address.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use minuet_events::values::{AdjustmentId, Sku};
use minuet_http::{Caller, server_span};
use minuet_messaging::Waiters;
use minuet_telemetry::error_chain;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::error;

use crate::messaging::ServiceContext;
use crate::store::{self, AdjustmentView};

/// The longest that a request may wait here.
const MAX_WAIT_MS: u64 = 60_000;

#[derive(Clone)]
pub(crate) struct Queries {
    pub(crate) context: ServiceContext,
    pub(crate) adjustments: Arc<Waiters<AdjustmentId>>,
}

pub(crate) fn routes(queries: Queries) -> Router {
    let caller = Caller::OurOwn(*queries.context.tracer());
    Router::new()
        .route("/stock/{sku}", get(stock))
        .route("/adjustments/{id}", get(adjustment))
        .layer(middleware::from_fn_with_state(caller, server_span))
        .with_state(queries)
}

async fn stock(State(queries): State<Queries>, Path(sku): Path<Sku>) -> Response {
    match queries.context.query("stock", async |connection| store::levels(connection, &sku).await).await {
        Ok(levels) if levels.is_empty() => StatusCode::NOT_FOUND.into_response(),
        Ok(levels) => {
            let level = |l: &store::LevelRow| {
                json!({
                    "warehouse_code": l.warehouse_code,
                    "available": l.available,
                    "reserved": l.reserved,
                    "on_hand": l.on_hand,
                    "version": l.version,
                })
            };
            let levels: Vec<Value> = levels.iter().map(level).collect();
            Json(json!({"sku": sku, "levels": levels})).into_response()
        }
        Err(error) => failed(&error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    #[serde(default)]
    timeout_ms: u64,
}

async fn adjustment(
    State(queries): State<Queries>,
    Path(id): Path<AdjustmentId>,
    Query(wait): Query<Wait>,
) -> Response {
    let limit = Duration::from_millis(wait.timeout_ms.min(MAX_WAIT_MS));
    let look = || queries.context.with_connection(async |connection| store::adjustment(connection, id).await);
    match queries.adjustments.wait(&id, limit, look).await {
        Ok(Some(adjustment)) => Json(show(&adjustment)).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

fn show(adjustment: &AdjustmentView) -> Value {
    let mut shown = json!({
        "adjustment_id": adjustment.id,
        "sku": adjustment.sku,
        "warehouse_code": adjustment.warehouse_code,
        "delta": adjustment.delta,
        "outcome": if adjustment.applied { "applied" } else { "rejected" },
    });
    if let Some(reason) = &adjustment.reason {
        shown["reason"] = json!(reason);
    }
    if adjustment.applied {
        shown["level"] = json!({
            "sku": adjustment.sku,
            "warehouse_code": adjustment.warehouse_code,
            "available": adjustment.available,
            "reserved": adjustment.reserved,
            "on_hand": adjustment.on_hand,
            "version": adjustment.version,
            "adjustment_id": adjustment.id,
        });
    }
    shown
}

/// The cause goes into the log, not to the caller.
fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = error_chain(error), "inventory query failed");
    (StatusCode::SERVICE_UNAVAILABLE, "the inventory database does not answer").into_response()
}
