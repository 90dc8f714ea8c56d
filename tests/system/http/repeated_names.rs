//! JSON in which an object has a name twice. Parsers differ in which of the two counts: each route refuses it, and names it.

use minuet_tests::{Answer, Api, Running};
use reqwest::Method;
use uuid::Uuid;

use super::Shop;

async fn send(api: &Api, method: Method, path: &str, body: &str) -> Answer {
    let request = api.as_admin(method, path).header("content-type", "application/json");
    api.send(request.body(body.to_owned())).await
}

async fn discard(service: &Running, api: &Api, body: &'static str) -> Answer {
    let api = api.at(service.address);
    send(&api, Method::POST, "/v1/dead-letters/1/discard", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_stands_twice_is_refused_and_named_on_every_route() {
    let shop = Shop::open().await;
    let order = Uuid::now_v7();
    let (cancellation, refund) =
        (format!("/v1/orders/{order}/cancellation"), format!("/v1/orders/{order}/refund"));
    let stock = "/v1/stock/CHAIR/BER/adjustments";
    let line = r#"{"sku":"CHAIR","quantity":1}"#;
    let cases = [
        (
            Method::POST,
            "/v1/orders",
            format!(r#"{{"payment_method":"paypal","lines":[{line}],"lines":[]}}"#),
            "lines",
        ),
        (
            Method::POST,
            "/v1/orders",
            format!(r#"{{"payment_method":"paypal","payment_method":"paypal","lines":[{line}]}}"#),
            "payment_method",
        ),
        (
            Method::POST,
            "/v1/orders",
            r#"{"payment_method":"paypal","lines":[{"sku":"CHAIR","quantity":1,"quantity":9}]}"#.to_owned(),
            "lines[0].quantity",
        ),
        // The same name, written in two ways; and one of a field that is not known.
        (
            Method::POST,
            "/v1/orders",
            r#"{"payment_method":"paypal","lines":[{"sku":"CHAIR","s\u006bu":"TABLE","quantity":1}]}"#
                .to_owned(),
            "lines[0].sku",
        ),
        (Method::POST, "/v1/orders", r#"{"note":{"a":[{"b":1,"b":1}]}}"#.to_owned(), "note.a[0].b"),
        (
            Method::PUT,
            "/v1/products/CHAIR",
            r#"{"name":"Chair","unit_price":"50.00","unit_price":"0.01","currency":"EUR","active":true}"#
                .to_owned(),
            "unit_price",
        ),
        (Method::POST, stock, r#"{"delta":1,"reason":"a","delta":1000}"#.to_owned(), "delta"),
        (Method::POST, &cancellation, r#"{"reason":"a","reason":"b"}"#.to_owned(), "reason"),
        (Method::POST, &refund, r#"{"reason":"a","reason":"b"}"#.to_owned(), "reason"),
    ];
    for (method, path, body, named) in cases {
        let answer = send(&shop.api, method.clone(), path, &body).await;
        assert_eq!(
            answer.problem(400, "malformed-json"),
            [(named, "repeated_name")],
            "{method} {path} {body}"
        );
    }
    for service in [&shop.order, &shop.inventory, &shop.payment] {
        let answer = discard(service, &shop.api, r#"{"reason":"a","reason":"b"}"#).await;
        assert_eq!(answer.problem(400, "malformed-json"), [("reason", "repeated_name")], "{}", service.name);
    }
    for topic in ["orders.intake", "inventory.intake", "payments.intake", "catalog.products"] {
        assert!(shop.world.topics.read(topic).await.is_empty(), "{topic}");
    }
}
