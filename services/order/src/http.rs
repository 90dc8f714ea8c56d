//! The order service's queries. For the gateway: identity is checked there, this listens on a private address.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use minuet_events::values::{Amount, Currency, Micros, OrderId, OrderStatus, Sku, UserId};
use minuet_http::{Caller, server_span};
use minuet_messaging::ReactError;
use minuet_telemetry::error_chain;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use time::OffsetDateTime;
use tracing::error;
use uuid::Uuid;

use crate::Waiting;
use crate::messaging::ServiceContext;
use crate::names::span;
use crate::store::{self, OrderView, RequestOutcome};
use crate::view::ProductRow;

/// The longest that a request may wait here.
const MAX_WAIT_MS: u64 = 60_000;
const MAX_PAGE_SIZE: i64 = 100;

#[derive(Clone)]
pub(crate) struct Queries {
    pub(crate) context: ServiceContext,
    pub(crate) waiting: Waiting,
}

pub(crate) fn routes(queries: Queries) -> Router {
    let caller = Caller::OurOwn(*queries.context.tracer());
    Router::new()
        .route("/orders", get(list))
        .route("/orders/{id}", get(one))
        .route("/orders/{id}/requests/{request_id}", get(request))
        .route("/early-cancellations", get(early_cancellations))
        .route("/products/{sku}", get(product))
        .layer(middleware::from_fn_with_state(caller, server_span))
        .with_state(queries)
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Until {
    /// Priced or refused.
    Known,
    /// Confirmed, cancelled or failed.
    Final,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    wait: Option<Until>,
    #[serde(default)]
    timeout_ms: u64,
}

async fn one(State(queries): State<Queries>, Path(id): Path<OrderId>, Query(wait): Query<Wait>) -> Response {
    let limit = Duration::from_millis(wait.timeout_ms.min(MAX_WAIT_MS));
    let wants_end = matches!(wait.wait, Some(Until::Final));
    minuet_telemetry::note_subject(&id.to_string());
    match queries.order(id, wants_end, limit).await {
        Ok(Some(order)) => Json(order).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

impl Queries {
    /// The order as it is shown: once it is priced or refused, or once it has ended; after `limit` as it is. `None`: it is unknown.
    pub(crate) async fn order(
        &self,
        id: OrderId,
        wants_end: bool,
        limit: Duration,
    ) -> Result<Option<Value>, sqlx::Error> {
        let look = || self.context.query("orders", async |connection| store::order(connection, id).await);
        let waiting = if wants_end { &self.waiting.ends } else { &self.waiting.submissions };
        let found = self.context.work(span::ORDER_GET, async {
            let found = waiting.wait(&id, limit, || async {
                Ok::<_, sqlx::Error>(look().await?.filter(|order| !wants_end || order.status.is_final()))
            });
            match found.await {
                // Not at its end in time: as it is.
                Ok(None) if wants_end => look().await,
                other => other,
            }
        });
        Ok(found.await?.map(show))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    #[serde(default)]
    timeout_ms: u64,
}

/// What became of a request to cancel or to refund: `{outcome: "rejected", reason}`, `{outcome: "cancelled"}`, or
/// `{outcome: "refunded"}`. A refund has `amount` and `return_stock` beside it.
async fn request(
    State(queries): State<Queries>,
    Path((id, request_id)): Path<(OrderId, Uuid)>,
    Query(limit): Query<Limit>,
) -> Response {
    let limit = Duration::from_millis(limit.timeout_ms.min(MAX_WAIT_MS));
    let look = || {
        let request = async |connection: &mut PgConnection| store::request(connection, id, request_id).await;
        queries.context.with_connection(request)
    };
    match queries.waiting.ends.wait(&id, limit, look).await {
        Ok(Some(RequestOutcome::Rejected { reason })) => {
            Json(json!({"outcome": "rejected", "reason": reason})).into_response()
        }
        Ok(Some(RequestOutcome::Ended { status, refund })) => {
            let (amount, return_stock) = refund.unzip();
            Json(json!({"outcome": status, "amount": amount, "return_stock": return_stock})).into_response()
        }
        Ok(Some(RequestOutcome::Refunded { amount, return_stock })) => {
            let refunded = json!({"outcome": "refunded", "amount": amount, "return_stock": return_stock});
            Json(refunded).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestedBy {
    requested_by: UserId,
    limit: u32,
}

/// How many orders the user has cancelled that were not submitted: `{count}`, counted up to the limit.
async fn early_cancellations(State(queries): State<Queries>, Query(asked): Query<RequestedBy>) -> Response {
    let RequestedBy { requested_by, limit } = asked;
    let count = async |connection: &mut PgConnection| {
        store::early_cancellations(connection, requested_by.as_str(), i64::from(limit)).await
    };
    match queries.context.with_connection(count).await {
        Ok(count) => Json(json!({"count": count})).into_response(),
        Err(error) => failed(&error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    user_id: Option<String>,
    status: Option<String>,
    limit: Option<i64>,
    cursor: Option<String>,
}

async fn list(State(queries): State<Queries>, Query(page): Query<Page>) -> Response {
    let Ok(status) = page.status.as_deref().map(OrderStatus::parse).transpose() else {
        let statuses = OrderStatus::ALL.map(|status| status.as_str()).join(", ");
        return (StatusCode::BAD_REQUEST, format!("status takes one of {statuses}")).into_response();
    };
    let after = match page.cursor.as_deref().map(parse_cursor) {
        Some(None) => {
            return (StatusCode::BAD_REQUEST, "cursor takes what the page before gave").into_response();
        }
        Some(after) => after,
        None => None,
    };
    let limit = page.limit.unwrap_or(20).clamp(1, MAX_PAGE_SIZE);
    let look = async |connection: &mut PgConnection| {
        store::orders(connection, page.user_id.as_deref(), status, after, limit + 1).await
    };
    match queries.context.with_connection(look).await {
        Ok(mut orders) => {
            let more = orders.len() as i64 > limit;
            orders.truncate(usize::try_from(limit).unwrap_or_default());
            let cursor = if more { orders.last().map(cursor) } else { None };
            let orders: Vec<Value> = orders.into_iter().map(show).collect();
            Json(json!({"orders": orders, "next_cursor": cursor})).into_response()
        }
        Err(error) => failed(&error),
    }
}

/// Where the next page starts: microseconds and id of the last order shown.
fn cursor(order: &OrderView) -> String {
    format!("{}.{}", Micros::from_datetime(order.created_at).0, order.id.simple())
}

fn parse_cursor(text: &str) -> Option<(OffsetDateTime, Uuid)> {
    let (micros, id) = text.split_once('.')?;
    let micros: i64 = micros.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok().zip(Uuid::parse_str(id).ok())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    event_id: Option<Uuid>,
    #[serde(default)]
    timeout_ms: u64,
}

/// The product as the view has it; with `event_id`, once the view shows that event, or as it is when the time is up.
async fn product(State(queries): State<Queries>, Path(sku): Path<Sku>, Query(seen): Query<Seen>) -> Response {
    let limit = Duration::from_millis(seen.timeout_ms.min(MAX_WAIT_MS));
    let look = || queries.context.with_connection(async |connection| store::product(connection, &sku).await);
    let found = queries.waiting.products.wait(&sku, limit, || async {
        let row = look().await?;
        Ok::<_, ReactError>(row.filter(|row| seen.event_id.is_none_or(|id| id == row.product.event)))
    });
    let found = match found.await {
        Ok(None) => look().await,
        other => other,
    };
    match found {
        Ok(Some(row)) => Json(show_product(&row)).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

fn show_product(row: &ProductRow) -> Value {
    let product = &row.product;
    json!({
        "sku": row.sku,
        "name": product.name,
        "unit_price": product.unit_price.shown_in(product.currency),
        "currency": product.currency,
        "active": product.active,
        "event_id": product.event,
    })
}

fn show(order: OrderView) -> Value {
    let total = order.total.and_then(|total| Amount::new(total).ok());
    let currency = order.currency.as_deref().and_then(|currency| Currency::parse(currency).ok());
    let mut shown = Map::new();
    shown.insert("order_id".to_owned(), json!(order.id));
    shown.insert("user_id".to_owned(), json!(order.user_id));
    shown.insert("status".to_owned(), json!(order.status));
    shown.insert("payment_method".to_owned(), json!(order.payment_method));
    shown.insert("currency".to_owned(), json!(currency));
    let total = currency.zip(total).map(|(currency, total)| total.shown_in(currency));
    shown.insert("total".to_owned(), json!(total));
    if let Some(currency) = currency.filter(|_| !order.refunded.is_zero()) {
        shown.insert("refunded".to_owned(), json!(currency.show(order.refunded)));
    }
    let expected = order.expected_currency.as_deref().and_then(|code| Currency::parse(code).ok());
    if let Some((currency, amount)) = expected.zip(order.expected_total) {
        let expected = json!({"amount": currency.show(amount), "currency": currency});
        shown.insert("expected_total".to_owned(), expected);
    }
    let mut lines = order.lines.unwrap_or_else(|| json!([]));
    if let Some(currency) = currency {
        show_prices(&mut lines, currency);
    }
    shown.insert("lines".to_owned(), lines);
    let optional = [
        ("payment_id", order.payment_id.map(|id| json!(id))),
        ("problems", order.problems),
        ("reason", order.reason.map(Value::String)),
        ("detail", order.detail.map(Value::String)),
    ];
    shown
        .extend(optional.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))));
    shown.insert("created_at".to_owned(), json!(Micros::from_datetime(order.created_at)));
    shown.insert("updated_at".to_owned(), json!(Micros::from_datetime(order.updated_at)));
    Value::Object(shown)
}

/// Amounts are stored without regard to the currency's decimals.
fn show_prices(lines: &mut Value, currency: Currency) {
    for line in lines.as_array_mut().into_iter().flatten() {
        for name in ["unit_price", "subtotal"] {
            if let Some(Value::String(price)) = line.get_mut(name)
                && let Ok(amount) = Amount::parse(price)
            {
                *price = amount.shown_in(currency);
            }
        }
    }
}

/// The cause goes into the log, not to the caller.
fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    error!(error = error_chain(error), "order query failed");
    (StatusCode::SERVICE_UNAVAILABLE, "the order database does not answer").into_response()
}
