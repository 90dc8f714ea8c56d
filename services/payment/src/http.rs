//! For admins, on the service's private address: refunds that the provider would not give.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use minuet_events::values::{Currency, Micros, OrderId};
use minuet_http::{Admin, AdminRoutes, Problem, ProblemType, database_unavailable};
use minuet_identity::Verifier;
use serde_json::{Value, json};
use tracing::info;

use crate::messaging::ServiceContext;
use crate::store::{self, ParkedRefund};

type Refunds = State<Arc<AdminRoutes<ServiceContext>>>;

pub(crate) fn routes(context: ServiceContext, identity: Option<Arc<Verifier>>) -> Router {
    let routes = Router::new()
        .route("/v1/parked-refunds", get(parked))
        .route("/v1/parked-refunds/{order_id}/retry", post(retry));
    AdminRoutes::router(routes, context, identity)
}

async fn parked(State(admin): Refunds, _: Admin) -> Result<Json<Value>, Problem> {
    let refunds =
        admin.state.with_connection(store::parked_refunds).await.map_err(|e| database_unavailable(&e))?;
    Ok(Json(json!({"refunds": refunds.iter().map(show).collect::<Vec<_>>()})))
}

/// 202: the provider is asked again under the same key. 404: no refund of this order is parked.
async fn retry(
    State(admin): Refunds,
    Admin(by): Admin,
    Path(order_id): Path<OrderId>,
) -> Result<StatusCode, Problem> {
    if !store::retry_refund(&admin.state, order_id).await.map_err(|e| database_unavailable(&e))? {
        return Err(Problem::new(ProblemType::NOT_FOUND, "no refund of this order is parked"));
    }
    info!(%order_id, user_id = %by.user, "retry of a parked refund was requested");
    Ok(StatusCode::ACCEPTED)
}

fn show(refund: &ParkedRefund) -> Value {
    let amount = Currency::parse(&refund.currency).map(|currency| currency.show(refund.amount));
    json!({
        "order_id": refund.order_id,
        "payment_id": refund.payment_id,
        "refund_id": refund.id,
        "reason": refund.reason,
        "currency": refund.currency,
        "amount": amount.unwrap_or_else(|_| refund.amount.to_string()),
        "attempts": refund.attempts,
        "parked_reason": refund.parked_reason,
        "asked_at": Micros::from_datetime(refund.created_at),
        "parked_at": Micros::from_datetime(refund.updated_at),
    })
}
