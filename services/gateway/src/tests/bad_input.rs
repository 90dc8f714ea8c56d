use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{TestGateway, gateway, nothing_known, order_body, send, settings, start};
use crate::Settings;

async fn post(gateway: &TestGateway, content_type: &str, body: impl Into<Body>) -> super::harness::Answer {
    let request = gateway.as_user("anna", Method::POST, "/v1/orders").header("content-type", content_type);
    send(request.body(body)).await
}

#[tokio::test]
async fn a_body_that_is_no_json() {
    let gateway = gateway(nothing_known()).await;
    for body in ["", "{", "nonsense", "{} {}", "\u{0}", "{\"lines\": [1,]}"] {
        post(&gateway, "application/json", body).await.problem(400, "malformed-json");
    }
    post(&gateway, "application/json", vec![b'"', 0xff, b'"']).await.problem(400, "malformed-json");
    post(&gateway, "application/json", "[".repeat(60_000)).await.problem(400, "malformed-json");
    assert!(gateway.asked().is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let gateway = gateway(nothing_known()).await;
    let padded = |size: usize| {
        let body = order_body().to_string();
        let padding = " ".repeat(size - body.len());
        body + &padding
    };
    assert_eq!(post(&gateway, "application/json", padded(64 * 1024)).await.status, 202);
    for size in [64 * 1024 + 1, 1_000_000, 8_000_000] {
        post(&gateway, "application/json", padded(size)).await.problem(413, "body-too-large");
    }
}

#[tokio::test]
async fn a_body_of_another_type() {
    let gateway = gateway(nothing_known()).await;
    for other in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        post(&gateway, other, order_body().to_string()).await.problem(415, "unsupported-media-type");
    }
    assert_eq!(post(&gateway, "Application/JSON; charset=utf-8", order_body().to_string()).await.status, 202);
}

#[tokio::test]
async fn a_body_with_problems_is_told_all_of_them() {
    let gateway = gateway(nothing_known()).await;
    let answer = gateway
        .order(
            &[],
            &json!({ "payment_method": "cash", "lines": [{ "sku": "a\u{1b}", "quantity": 0 }], "x": 1 }),
        )
        .await;
    let expected = [
        ("x", "unknown_field"),
        ("payment_method", "unknown_payment_method"),
        ("lines[0].sku", "invalid_sku"),
        ("lines[0].quantity", "quantity_out_of_range"),
    ];
    assert_eq!(answer.problem(422, "invalid-request"), expected);
    let flood: serde_json::Map<String, Value> = (0..5_000).map(|i| (format!("f{i}"), Value::Null)).collect();
    assert_eq!(gateway.order(&[], &Value::Object(flood)).await.problem(422, "invalid-request").len(), 1_000);
}

#[tokio::test]
async fn headers_that_are_no_good() {
    let gateway = gateway(nothing_known()).await;
    for key in ["", "two words", &"k".repeat(256)] {
        gateway.order(&[("idempotency-key", key)], &order_body()).await.problem(400, "invalid-header");
    }
    gateway
        .order(&[("idempotency-key", "a"), ("idempotency-key", "b")], &order_body())
        .await
        .problem(400, "invalid-header");
}

#[tokio::test]
async fn paths_and_methods_that_there_are_not() {
    let gateway = gateway(nothing_known()).await;
    for path in ["/", "/v1", "/v2/orders", "/v1/orders/", "/v1/orders/a/b"] {
        send(gateway.as_user("anna", Method::GET, path)).await.problem(404, "not-found");
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/orders", "POST,GET,HEAD"),
        (Method::PUT, "/v1/orders/7", "GET,HEAD"),
        (Method::POST, "/healthz", "GET,HEAD"),
    ] {
        let answer = send(gateway.as_user("anna", method, path)).await;
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allowed);
    }
    let unreadable = send(gateway.as_user("anna", Method::GET, "/v1/orders/%FF")).await;
    unreadable.problem(400, "invalid-query");
}

#[tokio::test]
async fn no_token_or_a_bad_one() {
    let gateway = gateway(nothing_known()).await;
    let orders = || gateway.anonymous(Method::POST, "/v1/orders").json(&order_body());
    let answer = send(orders()).await;
    answer.problem(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"minuet\"");
    for header in ["Basic YTpi", "Bearer", "Bearer ", "token"] {
        send(orders().header("authorization", header)).await.problem(401, "unauthenticated");
    }
    let answer = send(orders().bearer_auth("a.b.c")).await;
    answer.problem(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"minuet\", error=\"invalid_token\"");
    // Who may not come in is not told what is wrong with the body.
    send(gateway.anonymous(Method::POST, "/v1/orders").body("nonsense"))
        .await
        .problem(401, "unauthenticated");
}

/// The rest of the body never comes: the request ends by its time limit, not with the client.
#[tokio::test]
async fn a_body_that_does_not_arrive() {
    let settings = Settings { body_timeout_ms: 100, ..settings() };
    let gateway = start(settings, &[("test.mock.num.brokers", "1")], None).await;
    let mut client = TcpStream::connect(gateway.address).await.unwrap();
    let token = super::harness::token("anna", false);
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: minuet\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 10\r\n\r\n{{"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}
