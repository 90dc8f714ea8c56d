use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use minuet_events::inventory::StockAdjusted;
use minuet_events::values::{AdjustmentId, Sku, WarehouseCode};
use minuet_http::{Admin, FieldError, Problem, ProblemType};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::AppState;
use crate::api::{AnyRefusal, ChangeRefusal, Known, Repeatable, Seen, bodies};
use crate::body::JsonBody;
use crate::conditional;
use crate::downstream::{Adjustment, AdjustmentOutcome, Level, Stock};
use crate::fields::{Fields, free_text};
use crate::idempotency::{IdempotencyKey, reused};
use crate::path;
use crate::problems;
use crate::trace::IncomingTrace;
use crate::user::user_id;

const MAX_REASON_CHARS: usize = 500;

/// `GET /v1/stock/{sku}`: the level in every warehouse that has had some.
#[utoipa::path(
    get,
    path = "/v1/stock/{sku}",
    operation_id = "getStock",
    summary = "Show the stock of a product",
    tag = "stock",
    params(("sku" = String, Path, description = "The product"), Known),
    responses(
        (status = 200, description = "The level in every warehouse that has had some", body = Stock, headers(("ETag" = String, description = "Of this answer"))),
        (status = 304, description = "As the client knows it"),
        AnyRefusal,
    ),
    security(("bearer" = []))
)]
pub(crate) async fn show(
    State(state): State<Arc<AppState>>,
    _: Admin,
    Path(sku): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sku = Sku::admit(&sku).map_err(|_| Problem::not_found())?;
    let stock = state.downstream.stock(sku.as_str()).await?.ok_or_else(Problem::not_found)?;
    conditional::show(&headers, &stock)
}

/// `POST /v1/stock/{sku}/{warehouse_code}/adjustments`
#[utoipa::path(
    post,
    path = "/v1/stock/{sku}/{warehouse_code}/adjustments",
    operation_id = "adjustStock",
    summary = "Adjust a stock level",
    tag = "stock",
    params(
        ("sku" = String, Path, min_length = 1, max_length = 64, description = "The product"),
        ("warehouse_code" = String, Path, min_length = 1, max_length = 32, description = "The warehouse"),
        Repeatable,
        Seen,
    ),
    request_body = bodies::NewAdjustment,
    responses(
        (status = 200, description = "Adjusted: the new level", body = Adjusted),
        (status = 202, description = "Taken in; the new level is not known yet", body = bodies::AcceptedAdjustment, headers(("Location" = String, description = "The stock's path"))),
        ChangeRefusal,
    ),
    security(("bearer" = []))
)]
pub(crate) async fn adjust(
    State(state): State<Arc<AppState>>,
    Admin(identity): Admin,
    Path((sku, warehouse_code)): Path<(String, String)>,
    trace: IncomingTrace,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let key = IdempotencyKey::read(&headers)?;
    let user = user_id(&identity)?;
    let id = key.as_ref().map_or_else(|| AdjustmentId::new(Uuid::now_v7()), |key| key.adjustment_id(&user));
    let adjusted = parse(id, &sku, &warehouse_code, &body)
        .map_err(|errors| Problem::with_errors(ProblemType::INVALID_REQUEST, errors))?;

    let text = id.to_string();
    let known = match key {
        Some(_) => {
            state.wait_for("known adjustment", state.downstream.adjustment(&text, Duration::ZERO)).await
        }
        None => None,
    };
    let outcome = match known {
        Some(known) => Some(known),
        None => {
            if conditional::is_conditional(&headers) {
                let current = state.downstream.stock(adjusted.sku.as_str()).await?;
                conditional::admit(&headers, current.as_ref(), false)?;
            }
            state.publish(adjusted.clone().into(), trace).await?;
            tracing::info!(
                adjustment_id = text,
                sku = adjusted.sku.as_str(),
                warehouse_code = adjusted.warehouse_code.as_str(),
                delta = adjusted.delta,
                "stock adjustment was published"
            );
            state.wait_for("adjustment", state.downstream.adjustment(&text, state.answer_wait)).await
        }
    };
    match outcome {
        Some(outcome) => answer(&adjusted, outcome),
        None => {
            let location = [(LOCATION, path::of(&["v1", "stock", adjusted.sku.as_str()]))];
            Ok((StatusCode::ACCEPTED, location, Json(json!({ "adjustment_id": text }))).into_response())
        }
    }
}

/// The new level, and by which adjustment it came to be.
#[derive(Serialize, ToSchema)]
struct Adjusted {
    adjustment_id: String,
    sku: String,
    #[serde(flatten)]
    level: Level,
}

fn answer(asked: &StockAdjusted, outcome: Adjustment) -> Result<Response, Problem> {
    let same_place =
        outcome.sku == asked.sku.as_str() && outcome.warehouse_code == asked.warehouse_code.as_str();
    if !same_place || outcome.delta.is_some_and(|delta| delta != i64::from(asked.delta)) {
        return Err(reused("this key belongs to another adjustment; send a new one under a new key"));
    }
    let adjustment_id = asked.adjustment_id.to_string();
    match outcome.outcome {
        AdjustmentOutcome::Applied { level } => {
            Ok(Json(Adjusted { adjustment_id, sku: outcome.sku, level }).into_response())
        }
        AdjustmentOutcome::Rejected { reason } => {
            Err(Problem::new(problems::ADJUSTMENT_REFUSED, reason).about(format!("urn:uuid:{adjustment_id}")))
        }
    }
}

pub(crate) fn parse(
    adjustment_id: AdjustmentId,
    sku: &str,
    warehouse_code: &str,
    body: &Value,
) -> Result<StockAdjusted, Vec<FieldError>> {
    let mut errors = Vec::new();
    let sku = Sku::admit(sku)
        .map_err(|error| errors.push(FieldError::new("sku", "invalid_sku", error.to_string())))
        .ok();
    let warehouse = WarehouseCode::admit(warehouse_code)
        .map_err(|error| {
            errors.push(FieldError::new("warehouse_code", "invalid_warehouse_code", error.to_string()))
        })
        .ok();
    let adjusted = Fields::of(body, "", &["delta", "reason"], &mut errors).and_then(|fields| {
        let delta = delta(&fields, &mut errors);
        let reason =
            fields.parsed("reason", "invalid_reason", |text| free_text(text, MAX_REASON_CHARS), &mut errors);
        Some(StockAdjusted {
            adjustment_id,
            sku: sku?,
            warehouse_code: warehouse?,
            delta: delta?,
            reason: reason?,
        })
    });
    adjusted.filter(|_| errors.is_empty()).ok_or(errors)
}

fn delta(fields: &Fields<'_>, errors: &mut Vec<FieldError>) -> Option<i32> {
    let given = fields.integer("delta", errors)?;
    let delta = i32::try_from(given).ok().filter(|delta| *delta != 0);
    if delta.is_none() {
        let detail = format!("takes {} to {} but 0, not {given}", i32::MIN, i32::MAX);
        errors.push(FieldError::new("delta", "invalid_delta", detail));
    }
    delta
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: Value) -> Result<StockAdjusted, Vec<FieldError>> {
        parse(AdjustmentId::new(Uuid::nil()), "TEA-1", "BER", &body)
    }

    #[test]
    fn takes_an_adjustment() {
        let adjusted = parsed(json!({"delta": -3, "reason": "broken"})).unwrap();
        assert_eq!((adjusted.delta, adjusted.reason.as_str()), (-3, "broken"));
    }

    #[test]
    fn names_every_problem() {
        let body = json!({"delta": 0, "reason": "bell \u{7}", "note": 1});
        let errors = parse(AdjustmentId::new(Uuid::nil()), "", "\n", &body).unwrap_err();
        let codes: Vec<_> = errors.iter().map(|error| error.code.as_ref()).collect();
        let expected =
            ["invalid_sku", "invalid_warehouse_code", "unknown_field", "invalid_delta", "invalid_reason"];
        assert_eq!(codes, expected);
        assert_eq!(
            parsed(json!({"delta": 3_000_000_000_i64, "reason": "x"})).unwrap_err()[0].code,
            "invalid_delta"
        );
        assert_eq!(parsed(json!({"delta": "3", "reason": "x"})).unwrap_err()[0].code, "wrong_type");
    }

    #[test]
    fn a_key_that_belongs_to_another_adjustment_is_refused() {
        let asked = parsed(json!({"delta": 5, "reason": "delivery"})).unwrap();
        let outcome = |warehouse: &str, delta: Option<i64>| Adjustment {
            sku: "TEA-1".to_owned(),
            warehouse_code: warehouse.to_owned(),
            delta,
            outcome: AdjustmentOutcome::Rejected { reason: "below what is reserved".to_owned() },
        };
        let kind = |outcome| answer(&asked, outcome).unwrap_err().problem_type();
        assert_eq!(kind(outcome("HAM", Some(5))), problems::IDEMPOTENCY_KEY_REUSED);
        assert_eq!(kind(outcome("BER", Some(6))), problems::IDEMPOTENCY_KEY_REUSED);
        assert_eq!(kind(outcome("BER", Some(5))), problems::ADJUSTMENT_REFUSED);
        assert_eq!(kind(outcome("BER", None)), problems::ADJUSTMENT_REFUSED);
    }
}
