//! Requests about an order that is there already: `POST /v1/orders/{id}/cancellation`, and with the scope admin
//! `POST /v1/orders/{id}/refund`. Each is an event; the dance answers it, and the caller is told within the usual wait.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use minuet_events::Event;
use minuet_events::orders::OrderCancellationRequested;
use minuet_events::payments::RefundRequested;
use minuet_events::values::{Amount, OrderId, UserId};
use minuet_http::{Admin, Authenticated, FieldError, Problem, ProblemType};
use minuet_identity::Identity;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::AppState;
use crate::Until;
use crate::api::{ChangeRefusal, Repeatable, Seen, bodies};
use crate::body::JsonBody;
use crate::conditional;
use crate::downstream::{GivenRefund, Order, RequestOutcome};
use crate::fields::{Fields, free_text};
use crate::idempotency::{IdempotencyKey, reused};
use crate::orders::path_of;
use crate::problems;
use crate::trace::IncomingTrace;
use crate::user::{admin_id, user_id};

const MAX_REASON_CHARS: usize = 500;
/// Of one user, of orders that are not known.
const MAX_EARLY_CANCELLATIONS: u32 = 100;

/// Own orders only, unless the token has the scope admin. An order that is not known (yet) may be cancelled too: it is then
/// cancelled when it arrives, if the caller is its user.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/cancellation",
    operation_id = "cancelOrder",
    summary = "Cancel an order",
    tag = "orders",
    params(("id" = Uuid, Path, description = "The order"), Repeatable, Seen),
    request_body = bodies::Reason,
    responses(
        (status = 200, description = "Done: the order as it is now", body = Order),
        (status = 202, description = "Taken in; what becomes of it is not known yet", body = bodies::Accepted, headers(("Location" = String, description = "The order's path"))),
        ChangeRefusal,
    ),
    security(("bearer" = []))
)]
pub(crate) async fn cancel(
    State(state): State<Arc<AppState>>,
    Authenticated(identity): Authenticated,
    Path(id): Path<String>,
    trace: IncomingTrace,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let order_id = OrderId::parse(&id).map_err(|_| Problem::not_found())?;
    minuet_telemetry::note_subject(&order_id.to_string());
    let key = IdempotencyKey::read(&headers)?;
    let reason = reason(&body)?;
    let known = state.downstream.order(&id, Until::Known, Duration::ZERO).await?;
    let requested_by = if identity.admin { admin_id(&identity)? } else { user_id(&identity)? };
    match &known {
        _ if identity.admin => {}
        Some(order) if order.user_id == identity.user.as_str() => {}
        Some(_) => return Err(Problem::not_found()),
        None => admit_early(&state, &requested_by).await?,
    }
    conditional::admit(&headers, known.as_ref(), false)?;
    let event = Event::from(OrderCancellationRequested { order_id, requested_by, reason });
    publish_request(&state, "cancellation", order_id, &identity, key, event, trace).await
}

/// A bound for the rows that one user can make the order service store before there is an order. Requests that are under way at
/// the same moment may pass it by their number.
async fn admit_early(state: &AppState, user: &UserId) -> Result<(), Problem> {
    let kept = state.downstream.early_cancellations(user, MAX_EARLY_CANCELLATIONS).await?;
    if kept < MAX_EARLY_CANCELLATIONS {
        return Ok(());
    }
    let detail = format!(
        "{MAX_EARLY_CANCELLATIONS} orders that are not known have been cancelled; try again once the order is known"
    );
    Err(Problem::new(problems::TOO_MANY_EARLY_CANCELLATIONS, detail))
}

/// Of a captured payment: a part, or all that is left, which cancels the order. Under one key the same request only.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/refund",
    operation_id = "refundOrder",
    summary = "Refund an order (scope `admin`)",
    tag = "orders",
    params(("id" = Uuid, Path, description = "The order"), Repeatable, Seen),
    request_body = bodies::NewRefund,
    responses(
        (status = 200, description = "Done: the order as it is now", body = Order),
        (status = 202, description = "Taken in; what becomes of it is not known yet", body = bodies::Accepted, headers(("Location" = String, description = "The order's path"))),
        ChangeRefusal,
    ),
    security(("bearer" = []))
)]
pub(crate) async fn refund(
    State(state): State<Arc<AppState>>,
    Admin(identity): Admin,
    Path(id): Path<String>,
    trace: IncomingTrace,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let order_id = OrderId::parse(&id).map_err(|_| Problem::not_found())?;
    minuet_telemetry::note_subject(&order_id.to_string());
    let key = IdempotencyKey::read(&headers)?;
    let NewRefund { reason, amount, return_stock } =
        parse_refund(&body).map_err(|errors| Problem::with_errors(ProblemType::INVALID_REQUEST, errors))?;
    if conditional::is_conditional(&headers) {
        let known = state.downstream.order(&id, Until::Known, Duration::ZERO).await?;
        conditional::admit(&headers, known.as_ref(), false)?;
    }
    let requested_by = admin_id(&identity)?;
    let event = Event::from(RefundRequested { order_id, requested_by, reason, amount, return_stock });
    publish_request(&state, "refund", order_id, &identity, key, event, trace).await
}

fn reason(body: &Value) -> Result<String, Problem> {
    parse_reason(body).map_err(|errors| Problem::with_errors(ProblemType::INVALID_REQUEST, errors))
}

pub(crate) fn parse_reason(body: &Value) -> Result<String, Vec<FieldError>> {
    let mut errors = Vec::new();
    let reason = Fields::of(body, "", &["reason"], &mut errors).and_then(|fields| {
        fields.parsed("reason", "invalid_reason", |text| free_text(text, MAX_REASON_CHARS), &mut errors)
    });
    reason.filter(|_| errors.is_empty()).ok_or(errors)
}

/// What is asked of a refund. No amount: all that is left. No `return_stock`: the goods come back if nothing is left.
#[derive(Debug)]
pub(crate) struct NewRefund {
    reason: String,
    amount: Option<Amount>,
    return_stock: Option<bool>,
}

pub(crate) fn parse_refund(body: &Value) -> Result<NewRefund, Vec<FieldError>> {
    let mut errors = Vec::new();
    let Some(fields) = Fields::of(body, "", &["reason", "amount", "return_stock"], &mut errors) else {
        return Err(errors);
    };
    let reason =
        fields.parsed("reason", "invalid_reason", |text| free_text(text, MAX_REASON_CHARS), &mut errors);
    let amount = fields.optional("amount").and_then(|_| fields.money("amount", &mut errors));
    if amount.is_some_and(Amount::is_zero) {
        errors.push(FieldError::new("amount", "invalid_amount", "takes more than 0"));
    }
    let return_stock =
        fields.optional("return_stock").and_then(|_| fields.boolean("return_stock", &mut errors));
    match reason {
        Some(reason) if errors.is_empty() => Ok(NewRefund { reason, amount, return_stock }),
        _ => Err(errors),
    }
}

/// Publishes the request and tells what became of it: 200 with the order, 409 with the reason, or 202 when that takes longer.
async fn publish_request(
    state: &AppState,
    kind: &'static str,
    order_id: OrderId,
    identity: &Identity,
    key: Option<IdempotencyKey>,
    event: Event,
    trace: IncomingTrace,
) -> Result<Response, Problem> {
    let user = user_id(identity)?;
    let (id, path) = (order_id.to_string(), path_of(order_id));
    let request = match &key {
        None => Uuid::now_v7(),
        Some(key) => {
            // Release 0.1 may have published this request: published again under the id of today, it would count twice.
            let (earlier, request) =
                (key.earlier_request_id(kind, &user), key.request_id(kind, &user, order_id));
            // And what is answered already is not published again, perhaps with other contents.
            for known in [earlier, request] {
                let known = state.downstream.request(&id, known, Duration::ZERO);
                if let Some(outcome) = state.wait_for("outcome of an earlier request", known).await {
                    return answer(state, &event, order_id, outcome).await;
                }
            }
            request
        }
    };
    state.publish_as(request, event.clone(), trace).await.map_err(|problem| problem.about(path.clone()))?;
    tracing::info!(kind, %order_id, request_id = %request, "request was published");
    match state.wait_for(kind, state.downstream.request(&id, request, state.answer_wait)).await {
        Some(outcome) => answer(state, &event, order_id, outcome).await,
        None => {
            let accepted = json!({"order_id": id, "request_id": request});
            Ok((StatusCode::ACCEPTED, [(LOCATION, path)], Json(accepted)).into_response())
        }
    }
}

/// A refund under this key that is another than the one that is asked for now.
fn is_another(event: &Event, given: &GivenRefund) -> bool {
    let Event::RefundRequested(asked) = event else { return false };
    let differs = asked.amount.zip(given.amount).is_some_and(|(asked, given)| asked != given);
    differs || given.return_stock.is_some_and(|given| asked.return_stock.unwrap_or(true) != given)
}

async fn answer(
    state: &AppState,
    asked: &Event,
    order_id: OrderId,
    outcome: RequestOutcome,
) -> Result<Response, Problem> {
    match outcome {
        RequestOutcome::Rejected { reason } => {
            Err(Problem::new(problems::REQUEST_REFUSED, reason).about(path_of(order_id)))
        }
        RequestOutcome::Cancelled { refund: Some(given) }
        | RequestOutcome::Refunded { refund: Some(given) }
            if is_another(asked, &given) =>
        {
            let detail = "under this key another refund was given; send a new one under a new key";
            Err(reused(detail).about(path_of(order_id)))
        }
        RequestOutcome::Cancelled { .. } | RequestOutcome::Refunded { .. } => {
            let id = order_id.to_string();
            let order: Option<Order> = state.downstream.order(&id, Until::Known, Duration::ZERO).await?;
            Ok(order.map(Json).ok_or_else(Problem::not_found)?.into_response())
        }
    }
}
