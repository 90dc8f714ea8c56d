//! For admins, on the service's private address: refunds that the provider would not give.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use minuet_events::values::{Micros, OrderId};
use minuet_identity::{Admin, Guarded, Kind, Problem, Verifier, as_problem};
use minuet_messaging::Lane;
use serde_json::{Value, json};
use tracing::error;

use crate::store::{self, ParkedRefund};

struct Desk {
    lane: Lane,
    identity: Option<Arc<Verifier>>,
}

impl Guarded for Desk {
    fn verifier(&self) -> Option<&Verifier> {
        self.identity.as_deref()
    }
}

pub(crate) fn routes(lane: Lane, identity: Option<Arc<Verifier>>) -> Router {
    Router::new()
        .route("/v1/parked-refunds", get(parked))
        .route("/v1/parked-refunds/{order_id}/retry", post(retry))
        .layer(middleware::map_response(as_problem))
        .with_state(Arc::new(Desk { lane, identity }))
}

async fn parked(State(desk): State<Arc<Desk>>, _: Admin) -> Response {
    match store::parked_refunds(desk.lane.pool()).await {
        Ok(refunds) => Json(json!({"refunds": refunds.iter().map(show).collect::<Vec<_>>()})).into_response(),
        Err(error) => failed(&error),
    }
}

/// 202: the provider is asked again under the same key. 404: no refund of this order is parked.
async fn retry(State(desk): State<Arc<Desk>>, Admin(by): Admin, Path(order_id): Path<OrderId>) -> Response {
    match store::retry_refund(&desk.lane, order_id).await {
        Ok(true) => {
            tracing::info!(%order_id, by = %by.user, "a parked refund is tried again");
            StatusCode::ACCEPTED.into_response()
        }
        Ok(false) => Problem::new(Kind::NotFound, "no refund of this order is parked").into_response(),
        Err(error) => failed(&error),
    }
}

fn show(refund: &ParkedRefund) -> Value {
    json!({
        "order_id": refund.order_id,
        "payment_id": refund.payment_id,
        "refund_id": refund.id,
        "reason": refund.reason,
        "currency": refund.currency,
        "amount": refund.amount,
        "attempts": refund.attempts,
        "parked_reason": refund.parked_reason,
        "asked_at": Micros::from_datetime(refund.created_at),
        "parked_at": Micros::from_datetime(refund.updated_at),
    })
}

/// The cause goes into the log, not to the caller.
fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error, "query failed");
    Problem::new(Kind::Unavailable, "the service's database does not answer").into_response()
}
