//! Conditional requests, against services that answer what the test says.

use reqwest::Method;
use serde_json::json;

use super::harness::{Reply, gateway, reply, send, settings, start};
use crate::Settings;

const PATH: &str = "/v1/products/TEA-1";

fn tea() -> Reply {
    reply(|_| {
        let tea = json!({"sku": "TEA-1", "name": "Tea", "unit_price": "4.50", "currency": "EUR", "active": true, "event_id": null});
        (200, tea)
    })
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let gateway = gateway(tea()).await;
    let first = send(gateway.as_admin(Method::GET, PATH)).await;
    assert_eq!(first.status, 200);
    let tag = first.header("etag").to_owned();
    let again = send(gateway.as_admin(Method::GET, PATH).header("if-none-match", &tag)).await;
    assert_eq!((again.status, again.header("etag"), again.body.as_str()), (304, &*tag, Some("")));
}

#[tokio::test]
async fn a_change_of_what_was_not_seen_is_refused() {
    let settings = Settings { require_if_match: true, answer_wait_ms: 1, ..settings() };
    let gateway = start(settings, &[("test.mock.num.brokers", "1")], Some(tea())).await;
    let tag = send(gateway.as_admin(Method::GET, PATH)).await.header("etag").to_owned();
    let body = json!({"name": "Green tea", "unit_price": "5.00", "currency": "EUR", "active": true});
    let put = |header: &'static str, value: String| {
        send(gateway.as_admin(Method::PUT, PATH).json(&body).header(header, value))
    };
    put("x-nothing", String::new()).await.problem(428, "precondition-required");
    put("if-match", "\"another\"".to_owned()).await.problem(412, "precondition-failed");
    put("if-none-match", "*".to_owned()).await.problem(412, "precondition-failed");
    assert_eq!(put("if-match", tag).await.status, 202);
}
