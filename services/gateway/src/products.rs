use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use minuet_events::catalog::ProductChanged;
use minuet_events::values::{Currency, Sku};
use minuet_http::{Admin, FieldError, Problem, ProblemType};
use serde_json::Value;

use crate::AppState;
use crate::api::{AnyRefusal, ChangeRefusal, Known, Seen, bodies};
use crate::body::JsonBody;
use crate::conditional;
use crate::downstream::Product;
use crate::fields::{Fields, free_text};
use crate::path;
use crate::trace::IncomingTrace;

const MAX_NAME_CHARS: usize = 200;

/// `PUT /v1/products/{sku}`: what the product is from now on, all of it.
#[utoipa::path(
    put,
    path = "/v1/products/{sku}",
    operation_id = "putProduct",
    summary = "Add or change a product",
    tag = "catalogue",
    params(("sku" = String, Path, min_length = 1, max_length = 64, description = "The product"), Seen),
    request_body = bodies::NewProduct,
    responses(
        (status = 200, description = "Changed; orders are priced by it", body = Product, headers(("Location" = String, description = "The product's path"))),
        (status = 202, description = "Taken in; orders may still be priced by the product as it was", body = Product, headers(("Location" = String, description = "The product's path"))),
        ChangeRefusal,
    ),
    security(("bearer" = []))
)]
pub(crate) async fn put(
    State(state): State<Arc<AppState>>,
    _: Admin,
    Path(sku): Path<String>,
    trace: IncomingTrace,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let product =
        parse(&sku, &body).map_err(|errors| Problem::with_errors(ProblemType::INVALID_REQUEST, errors))?;
    // In normal form C, unlike the path.
    let sku = product.sku.clone();
    if state.require_if_match || conditional::is_conditional(&headers) {
        let current = state.downstream.product(sku.as_str(), None).await?;
        conditional::admit(&headers, current.as_ref(), state.require_if_match)?;
    }
    let location = [(LOCATION, path::of(&["v1", "products", sku.as_str()]))];
    let accepted = Product {
        sku: sku.to_string(),
        name: product.name.clone(),
        unit_price: product.unit_price.shown_in(product.currency),
        currency: product.currency.to_string(),
        active: product.active,
        event_id: None,
    };
    let event_id = state.publish(product.into(), trace).await?;
    tracing::info!(%sku, "product was changed");

    let seen = state
        .wait_for("product", state.downstream.product(sku.as_str(), Some((event_id, state.answer_wait))))
        .await;
    match seen.filter(|product| product.event_id == Some(event_id)) {
        Some(product) => Ok((StatusCode::OK, location, Json(product)).into_response()),
        None => Ok((StatusCode::ACCEPTED, location, Json(accepted)).into_response()),
    }
}

/// `GET /v1/products/{sku}`
#[utoipa::path(
    get,
    path = "/v1/products/{sku}",
    operation_id = "getProduct",
    summary = "Show a product",
    tag = "catalogue",
    params(("sku" = String, Path, description = "The product"), Known),
    responses(
        (status = 200, description = "The product as orders are priced by it", body = Product, headers(("ETag" = String, description = "Of this answer"))),
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
    let product = state.downstream.product(sku.as_str(), None).await?.ok_or_else(Problem::not_found)?;
    conditional::show(&headers, &product)
}

pub(crate) fn parse(sku: &str, body: &Value) -> Result<ProductChanged, Vec<FieldError>> {
    let mut errors = Vec::new();
    let sku = Sku::admit(sku)
        .map_err(|error| errors.push(FieldError::new("sku", "invalid_sku", error.to_string())))
        .ok();
    let product =
        Fields::of(body, "", &["name", "unit_price", "currency", "active"], &mut errors).and_then(|fields| {
            let name =
                fields.parsed("name", "invalid_name", |text| free_text(text, MAX_NAME_CHARS), &mut errors);
            let unit_price = fields.money("unit_price", &mut errors);
            let currency = fields.parsed("currency", "invalid_currency", Currency::parse, &mut errors);
            let active = fields.boolean("active", &mut errors);
            let unit_price = unit_price?;
            if let Some(currency) = currency {
                fields.check_decimals("unit_price", unit_price, currency, &mut errors);
            }
            Some(ProductChanged { sku: sku?, name: name?, unit_price, currency: currency?, active: active? })
        });
    product.filter(|_| errors.is_empty()).ok_or(errors)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(sku: &str, body: Value) -> Vec<(String, String)> {
        let errors = parse(sku, &body).unwrap_err();
        errors.into_iter().map(|error| (error.field, error.code.into_owned())).collect()
    }

    #[test]
    fn takes_a_product() {
        let body = json!({"name": "Green tea", "unit_price": "4.50", "currency": "EUR", "active": true});
        let product = parse("TEA-1", &body).unwrap();
        assert_eq!(product.unit_price.to_string(), "4.50");
        assert!(product.active);
    }

    #[test]
    fn names_every_problem() {
        let body =
            json!({"name": "", "unit_price": 4.5, "currency": "euro", "active": "yes", "colour": "red"});
        let expected = [
            ("sku", "invalid_sku"),
            ("colour", "unknown_field"),
            ("name", "invalid_name"),
            ("unit_price", "money_as_number"),
            ("currency", "invalid_currency"),
            ("active", "wrong_type"),
        ];
        assert_eq!(codes(" TEA", body), expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
        let missing = codes("TEA-1", json!({}));
        assert_eq!(missing.len(), 4);
        assert!(missing.iter().all(|(_, code)| code == "required"), "{missing:?}");
    }

    #[test]
    fn a_price_has_no_more_decimals_than_its_currency() {
        let product = |price: &str, currency: &str| json!({"name": "Tea", "unit_price": price, "currency": currency, "active": true});
        for (price, currency) in
            [("100.5", "JPY"), ("0.0050", "EUR"), ("1.2345", "KWD"), ("1.005", "BOV"), ("0.1", "UYI")]
        {
            let errors = parse("TEA-1", &product(price, currency)).unwrap_err();
            let told: Vec<_> = errors.iter().map(|error| (error.field.as_str(), &*error.code)).collect();
            assert_eq!(told, [("unit_price", "too_many_decimals")], "{price} {currency}");
            assert!(errors[0].detail.contains(currency), "{}", errors[0].detail);
        }
        for (price, currency) in
            [("100.0", "JPY"), ("10.500", "EUR"), ("1.234", "KWD"), ("0.0001", "CLF"), ("7", "XOF")]
        {
            assert!(parse("TEA-1", &product(price, currency)).is_ok(), "{price} {currency}");
        }
    }

    #[test]
    fn money_is_plain_digits() {
        for price in ["-1", "1e3", "1,50", "NaN", "", "0.00001", "10000000000000000"] {
            let body = json!({"name": "Tea", "unit_price": price, "currency": "EUR", "active": true});
            assert_eq!(
                codes("TEA-1", body),
                [("unit_price".to_owned(), "invalid_amount".to_owned())],
                "{price}"
            );
        }
    }
}
