//! Requests of pages in a browser.

use reqwest::Method;

use super::harness::{nothing_known, settings, start};
use crate::Settings;

#[tokio::test]
async fn a_page_of_a_known_origin_may_send_requests_and_another_may_not() {
    let settings = Settings { cors_origins: vec!["https://shop.example".to_owned()], ..settings() };
    let gateway = start(settings, &[("test.mock.num.brokers", "1")], Some(nothing_known())).await;
    let ask = async |origin: &str| {
        let preflight = gateway
            .anonymous(Method::OPTIONS, "/v1/orders")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,idempotency-key");
        preflight.send().await.unwrap()
    };
    let allowed = ask("https://shop.example").await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://shop.example");
    assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains("idempotency-key"));
    assert!(!ask("https://evil.example").await.headers().contains_key("access-control-allow-origin"));
    // A refusal is read by the page too.
    let refused = gateway.anonymous(Method::GET, "/v1/orders").header("origin", "https://shop.example");
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://shop.example");
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let gateway = start(settings(), &[("test.mock.num.brokers", "1")], Some(nothing_known())).await;
    let answer = gateway.anonymous(Method::HEAD, "/openapi.json").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.unwrap().is_empty());
}

#[test]
fn an_origin_is_no_address_of_a_page() {
    for origin in ["*", "https://shop.example/", "https://shop.example/page", "shop.example", ""] {
        let settings = Settings { cors_origins: vec![origin.to_owned()], ..settings() };
        assert_eq!(settings.check().unwrap_err().key, "cors_origins", "{origin}");
    }
}
