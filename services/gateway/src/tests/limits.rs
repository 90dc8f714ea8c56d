//! How many requests one caller may send.

use std::num::NonZeroU32;

use reqwest::Method;

use super::harness::{nothing_known, send, settings, start};
use crate::Settings;

#[tokio::test]
async fn a_user_that_sends_too_much_is_refused_and_others_are_not() {
    let settings = Settings { user_requests_per_minute: NonZeroU32::new(3), ..settings() };
    let gateway = start(settings, &[("test.mock.num.brokers", "1")], Some(nothing_known())).await;
    let ask = async |user: &str| {
        send(gateway.as_user(user, Method::GET, "/v1/orders/0190a0a0-0000-7000-8000-000000000001")).await
    };
    for left in ["2", "1", "0"] {
        let answer = ask("anna").await;
        answer.problem(404, "not-found");
        assert_eq!(answer.header("ratelimit-policy"), "\"user\";q=3;w=60");
        assert_eq!(answer.header("ratelimit"), format!("\"user\";r={left}"));
    }
    let refused = ask("anna").await;
    refused.problem(429, "too-many-requests");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds <= 21), "{refused:?}");
    assert_eq!(refused.header("ratelimit"), "\"user\";r=0");
    ask("bert").await.problem(404, "not-found");
}

#[tokio::test]
async fn an_address_that_sends_too_much_is_refused_before_its_token_is_looked_at() {
    let settings = Settings {
        address_requests_per_minute: NonZeroU32::new(2),
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..settings()
    };
    let gateway = start(settings, &[("test.mock.num.brokers", "1")], Some(nothing_known())).await;
    let ask = async |client: &str| {
        send(gateway.anonymous(Method::GET, "/v1/orders").header("x-forwarded-for", client)).await
    };
    for _ in 0..2 {
        ask("192.0.2.1").await.problem(401, "unauthenticated");
    }
    ask("192.0.2.1").await.problem(429, "too-many-requests");
    ask("192.0.2.2").await.problem(401, "unauthenticated");
    // Whoever watches the gateway is not counted.
    for _ in 0..5 {
        let health = gateway.anonymous(Method::GET, "/healthz").send().await.unwrap();
        assert_eq!(health.status(), 200);
    }
}
