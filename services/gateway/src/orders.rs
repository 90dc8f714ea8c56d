use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use minuet_events::orders::OrderSubmitted;
use minuet_events::values::{OrderId, OrderStatus, UserId};
use minuet_http::{Authenticated, FieldError, Problem, ProblemType, missing_scope};
use minuet_identity::Identity;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::AppState;
use crate::Until;
use crate::api::{AnyRefusal, ChangeRefusal, Known, Repeatable, Waiting, bodies};
use crate::body::JsonBody;
use crate::conditional;
use crate::downstream::{Order, OrderPage, OrderQuery};
use crate::idempotency::{IdempotencyKey, reused};
use crate::order_request::OrderRequest;
use crate::prefer::Prefer;
use crate::problems;
use crate::trace::IncomingTrace;
use crate::user::user_id;

const MAX_PAGE: u32 = 100;
const MAX_CURSOR_BYTES: usize = 512;

/// The order is on its way: with `Prefer: respond-async, wait=N` as far as it has come, else its id.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) enum AcceptedOrder {
    Order(Box<Order>),
    Accepted(bodies::Accepted),
}

/// `POST /v1/orders`
#[utoipa::path(
    post,
    path = "/v1/orders",
    operation_id = "submitOrder",
    summary = "Submit an order",
    tag = "orders",
    params(Repeatable, Waiting),
    request_body = bodies::NewOrder,
    responses(
        (status = 201, description = "Taken in and priced; with `Prefer: wait=N` as it was after the wait", body = Order, headers(("Location" = String, description = "The order's path"))),
        (status = 202, description = "Taken in; its price, or its end, is not known yet", body = AcceptedOrder, headers(("Location" = String, description = "The order's path"))),
        ChangeRefusal,
    ),
    security(("bearer" = []))
)]
pub(crate) async fn submit(
    State(state): State<Arc<AppState>>,
    Authenticated(identity): Authenticated,
    trace: IncomingTrace,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let key = IdempotencyKey::read(&headers)?;
    let request = OrderRequest::parse(&body)
        .map_err(|errors| Problem::with_errors(ProblemType::INVALID_REQUEST, errors))?;
    let prefer = Prefer::read(&headers, state.longest_wait);
    let user = user_id(&identity)?;
    let id = key.as_ref().map_or_else(|| OrderId::new(Uuid::now_v7()), |key| key.order_id(&user));

    let text = id.to_string();
    minuet_telemetry::note_subject(&text);
    let known = match key {
        // An order service that does not answer is no reason to refuse an order: submitting it twice is a no-op.
        Some(_) => {
            state.wait_for("known order", state.downstream.order(&text, Until::Known, Duration::ZERO)).await
        }
        None => None,
    };
    // A cancellation that overtook its order is all that may be known of it: the order itself is still to come.
    let known = known.filter(Order::is_submitted);
    match &known {
        Some(order) => same_request(&request, &user, order)?,
        None => publish(&state, id, user.clone(), &request, trace).await?,
    }
    let order = match prefer {
        Prefer { respond_async: true, wait: None } => None,
        Prefer { wait: Some(wait), .. } => {
            state.wait_for("final order", state.downstream.order(&text, Until::Final, wait)).await.or(known)
        }
        Prefer { .. } if known.is_some() => known,
        Prefer { .. } => {
            state
                .wait_for("priced order", state.downstream.order(&text, Until::Known, state.answer_wait))
                .await
        }
    };
    let order = order.filter(Order::is_submitted);
    if let Some(order) = &order {
        // Two requests with one key may have passed each other on the way here: only now one of them sees the other.
        same_request(&request, &user, order)?;
    }
    let mut response = answer(id, order, prefer, &request)?;
    if let Some(applied) = prefer.applied() {
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

async fn publish(
    state: &AppState,
    id: OrderId,
    user_id: UserId,
    request: &OrderRequest,
    trace: IncomingTrace,
) -> Result<(), Problem> {
    let submitted = OrderSubmitted {
        order_id: id,
        user_id,
        payment_method: request.payment_method,
        lines: request.lines.clone(),
        expected_total: request.expected_total,
        payment_token: None,
    };
    state.publish(submitted.into(), trace).await.map_err(|problem| problem.about(path_of(id)))?;
    tracing::info!(order_id = %id, lines = request.lines.len(), "order was submitted");
    Ok(())
}

fn same_request(request: &OrderRequest, user: &UserId, order: &Order) -> Result<(), Problem> {
    if order.user_id == user.as_str() && request.is_of(order) {
        return Ok(());
    }
    Err(reused(
        "this key belongs to an order with another payment method, other lines or another expected total; send a new order under a new key",
    ))
}

fn answer(
    id: OrderId,
    order: Option<Order>,
    prefer: Prefer,
    request: &OrderRequest,
) -> Result<Response, Problem> {
    let location = [(LOCATION, path_of(id))];
    match order {
        Some(order) if order.is_rejected() => Err(rejection(id, &order, request)),
        // Asked for both: waited as long as it was told to, and then not for the rest.
        Some(order) if prefer.respond_async && !order.status.is_final() => {
            Ok((StatusCode::ACCEPTED, location, Json(order)).into_response())
        }
        Some(order) => Ok((StatusCode::CREATED, location, Json(order)).into_response()),
        None => {
            let accepted = json!({ "order_id": id.to_string() });
            Ok((StatusCode::ACCEPTED, location, Json(accepted)).into_response())
        }
    }
}

fn rejection(id: OrderId, order: &Order, request: &OrderRequest) -> Problem {
    let problems = order.problems.iter().flatten();
    let errors = problems.map(|problem| FieldError {
        field: request.field_of(problem),
        code: Cow::Owned(problem.code.clone()),
        detail: problem.detail.clone(),
    });
    Problem::with_errors(problems::ORDER_REJECTED, errors.collect()).about(path_of(id))
}

pub(crate) fn path_of(id: OrderId) -> String {
    format!("/v1/orders/{id}")
}

/// `GET /v1/orders/{id}`. Somebody else's order and no order at all look the same.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}",
    operation_id = "getOrder",
    summary = "Show an order",
    tag = "orders",
    params(("id" = Uuid, Path, description = "The order"), Known),
    responses(
        (status = 200, description = "The order as it is now", body = Order, headers(("ETag" = String, description = "Of this answer"))),
        (status = 304, description = "As the client knows it"),
        AnyRefusal,
    ),
    security(("bearer" = []))
)]
pub(crate) async fn show(
    State(state): State<Arc<AppState>>,
    Authenticated(identity): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = OrderId::parse(&id).map_err(|_| Problem::not_found())?;
    minuet_telemetry::note_subject(&id.to_string());
    let order = state.downstream.order(&id.to_string(), Until::Known, Duration::ZERO).await?;
    let visible = |order: &Order| identity.admin || order.user_id == identity.user.as_str();
    conditional::show(&headers, &order.filter(visible).ok_or_else(Problem::not_found)?)
}

/// `GET /v1/orders?status=&limit=&cursor=`, newest first as the order service has it; `user_id=` with the scope admin.
#[utoipa::path(
    get,
    path = "/v1/orders",
    operation_id = "listOrders",
    summary = "List orders, the newest first",
    tag = "orders",
    params(
        ("status" = Option<bodies::OrderStatus>, Query, description = "Only orders in this status"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most orders in the answer; 20 where it is absent"),
        ("cursor" = Option<String>, Query, max_length = 512, description = "`next_cursor` of the page before"),
        ("user_id" = Option<String>, Query, min_length = 1, max_length = 128, description = "Whose orders; another user's need the scope `admin`"),
    ),
    responses((status = 200, description = "A page of orders", body = OrderPage), AnyRefusal),
    security(("bearer" = []))
)]
pub(crate) async fn list(
    State(state): State<Arc<AppState>>,
    Authenticated(identity): Authenticated,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<OrderPage>, Problem> {
    let query = parse_query(pairs, &identity)?;
    let page = state.downstream.orders(&query).await?;
    page.map(Json).ok_or_else(|| {
        let error = FieldError::new("cursor", "invalid_cursor", "takes a next_cursor of an earlier answer");
        Problem::with_errors(ProblemType::INVALID_QUERY, vec![error])
    })
}

fn parse_query(pairs: Vec<(String, String)>, identity: &Identity) -> Result<OrderQuery, Problem> {
    let mut errors = Vec::new();
    let mut given = HashMap::new();
    for (name, value) in pairs {
        if !["status", "limit", "cursor", "user_id"].contains(&name.as_str()) {
            errors.push(FieldError::new(
                name,
                "unknown_parameter",
                "known are status, limit, cursor and user_id",
            ));
        } else if given.insert(name.clone(), value).is_some() {
            errors.push(FieldError::new(name, "repeated_parameter", "may be given once"));
        }
    }
    let status = given.remove("status").map(|status| OrderStatus::parse(&status));
    if let Some(Err(_)) = &status {
        let statuses = OrderStatus::ALL.map(|status| status.as_str()).join(", ");
        errors.push(FieldError::new("status", "invalid_status", format!("takes one of {statuses}")));
    }
    let limit =
        given.remove("limit").map(|limit| limit.parse::<u32>().ok().filter(|n| (1..=MAX_PAGE).contains(n)));
    if limit == Some(None) {
        errors.push(FieldError::new("limit", "invalid_limit", format!("takes 1 to {MAX_PAGE}")));
    }
    let cursor = given.remove("cursor");
    if cursor.as_deref().is_some_and(|cursor| cursor.is_empty() || cursor.len() > MAX_CURSOR_BYTES) {
        errors.push(FieldError::new("cursor", "invalid_cursor", "takes a next_cursor of an earlier answer"));
    }
    let user = given.remove("user_id").map(|user| UserId::parse(&user));
    if let Some(Err(error)) = &user {
        errors.push(FieldError::new("user_id", "invalid_user_id", error.to_string()));
    }
    if !errors.is_empty() {
        return Err(Problem::with_errors(ProblemType::INVALID_QUERY, errors));
    }
    let user_id = match user.and_then(Result::ok) {
        Some(user) if !identity.admin && user.as_str() != identity.user.as_str() => {
            return Err(missing_scope());
        }
        None if !identity.admin => Some(identity.user.to_string()),
        asked => asked.map(|user| user.to_string()),
    };
    Ok(OrderQuery { user_id, status: status.and_then(Result::ok), limit: limit.flatten(), cursor })
}
