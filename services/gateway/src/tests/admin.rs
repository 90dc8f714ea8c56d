use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{NO_KAFKA, gateway, id_in, nothing_known, reply, send, settings, start};

fn product_body() -> Value {
    json!({ "name": "Green tea", "unit_price": "4.5", "currency": "EUR", "active": true })
}

fn product_json(event_id: &str) -> Value {
    json!({ "sku": "TEA/1", "name": "Green tea", "unit_price": "4.50", "currency": "EUR", "active": true, "event_id": event_id })
}

#[tokio::test]
async fn without_the_scope_nothing_of_it_is_open() {
    let gateway = gateway(nothing_known()).await;
    for (method, path) in [
        (Method::PUT, "/v1/products/TEA-1"),
        (Method::GET, "/v1/products/TEA-1"),
        (Method::GET, "/v1/stock/TEA-1"),
        (Method::POST, "/v1/stock/TEA-1/BER/adjustments"),
    ] {
        let answer = send(gateway.as_user("anna", method.clone(), path).json(&product_body())).await;
        answer.problem(403, "insufficient-scope");
        assert!(answer.header("www-authenticate").contains("insufficient_scope"));
        send(gateway.anonymous(method, path)).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_product_is_200_once_the_view_holds_the_change() {
    let gateway = gateway(reply(|uri| {
        let event_id = uri.split(['=', '&']).nth(1).unwrap();
        (200, product_json(event_id))
    }))
    .await;
    let answer = send(gateway.as_admin(Method::PUT, "/v1/products/TEA%2F1").json(&product_body())).await;
    let product = json!({ "sku": "TEA/1", "name": "Green tea", "unit_price": "4.50", "currency": "EUR", "active": true });
    assert_eq!((answer.status, &answer.body), (200, &product));
    assert_eq!(answer.header("location"), "/v1/products/TEA%2F1");
    assert!(gateway.asked()[0].starts_with("/products/TEA%2F1?event_id="), "{:?}", gateway.asked());
}

#[tokio::test]
async fn a_product_is_202_until_then() {
    let view_is_older = gateway(reply(|_| (200, product_json("00000000-0000-0000-0000-000000000001")))).await;
    let view_has_none = gateway(nothing_known()).await;
    for gateway in [view_is_older, view_has_none] {
        let answer = send(gateway.as_admin(Method::PUT, "/v1/products/TEA-1").json(&product_body())).await;
        assert_eq!((answer.status, &answer.body["unit_price"]), (202, &json!("4.50")));
    }
}

#[tokio::test]
async fn money_as_a_number_is_refused_with_a_clear_error() {
    let gateway = gateway(nothing_known()).await;
    let mut body = product_body();
    body["unit_price"] = json!(4.5);
    let answer = send(gateway.as_admin(Method::PUT, "/v1/products/TEA-1").json(&body)).await;
    assert_eq!(answer.problem(422, "invalid-request"), [("unit_price", "money_as_number")]);
    assert!(answer.body["detail"].as_str().unwrap().contains("\"4.5\""), "{answer:?}");
}

#[tokio::test]
async fn products_and_stock_are_shown() {
    let level = json!({ "warehouse_code": "BER", "available": 4, "reserved": 1, "on_hand": 5, "version": 3 });
    let stock = json!({ "sku": "TEA-1", "levels": [level] });
    let answered = stock.clone();
    let gateway = gateway(reply(move |uri| match uri {
        "/stock/TEA-1" => (200, answered.clone()),
        "/products/TEA-1" => (200, product_json("00000000-0000-0000-0000-000000000001")),
        _ => (404, Value::Null),
    }))
    .await;
    assert_eq!(send(gateway.as_admin(Method::GET, "/v1/stock/TEA-1")).await.body, stock);
    let product = send(gateway.as_admin(Method::GET, "/v1/products/TEA-1")).await;
    assert_eq!((&product.body["name"], &product.body["event_id"]), (&json!("Green tea"), &Value::Null));
    for path in ["/v1/stock/CUP", "/v1/products/CUP", "/v1/products/%00", "/v1/stock/%20"] {
        send(gateway.as_admin(Method::GET, path)).await.problem(404, "not-found");
    }
}

const ADJUSTMENTS: &str = "/v1/stock/TEA-1/BER/adjustments";

fn adjusted(uri: &str, delta: i64, outcome: Value) -> (u16, Value) {
    let mut answer =
        json!({ "adjustment_id": id_in(uri), "sku": "TEA-1", "warehouse_code": "BER", "delta": delta });
    answer.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
    (200, answer)
}

fn applied(uri: &str) -> (u16, Value) {
    let level = json!({ "sku": "TEA-1", "warehouse_code": "BER", "available": 9, "reserved": 1, "on_hand": 10, "version": 4,
        "adjustment_id": id_in(uri) });
    adjusted(uri, 5, json!({ "outcome": "applied", "level": level }))
}

#[tokio::test]
async fn an_adjustment_gives_the_new_level() {
    let gateway = gateway(reply(applied)).await;
    let answer =
        send(gateway.as_admin(Method::POST, ADJUSTMENTS).json(&json!({ "delta": 5, "reason": "delivery" })))
            .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let level = json!({ "adjustment_id": id_in(&gateway.asked()[0]), "sku": "TEA-1", "warehouse_code": "BER",
        "available": 9, "reserved": 1, "on_hand": 10, "version": 4 });
    assert_eq!(answer.body, level);
}

#[tokio::test]
async fn an_adjustment_may_be_refused_or_unanswered() {
    let refusing =
        gateway(reply(|uri| adjusted(uri, -5, json!({ "outcome": "rejected", "reason": "2 are reserved" }))))
            .await;
    let body = json!({ "delta": -5, "reason": "broken" });
    let answer = send(refusing.as_admin(Method::POST, ADJUSTMENTS).json(&body)).await;
    answer.problem(409, "adjustment-refused");
    assert_eq!(answer.body["detail"], "2 are reserved");
    let silent = gateway(nothing_known()).await;
    let answer = send(silent.as_admin(Method::POST, ADJUSTMENTS).json(&body)).await;
    assert_eq!((answer.status, answer.header("location")), (202, "/v1/stock/TEA-1"));
    assert!(answer.body["adjustment_id"].is_string());
}

/// No Kafka: it would be 503 if the adjustment were published again.
#[tokio::test]
async fn an_adjustment_is_made_once_per_key() {
    let gateway = start(settings(), NO_KAFKA, Some(reply(applied))).await;
    let adjust = async |body: Value| {
        let request = gateway.as_admin(Method::POST, ADJUSTMENTS).header("idempotency-key", "k");
        send(request.json(&body)).await
    };
    let first = adjust(json!({ "delta": 5, "reason": "delivery" })).await;
    assert_eq!((first.status, &first.body["version"]), (200, &json!(4)));
    assert_eq!(adjust(json!({ "delta": 5, "reason": "delivery" })).await.body, first.body);
    adjust(json!({ "delta": 6, "reason": "delivery" })).await.problem(422, "idempotency-key-reused");
}
