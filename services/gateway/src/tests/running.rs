use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::harness::{
    NO_KAFKA, Reply, gateway, id_in, nothing_known, order_body, order_json, publisher, send, settings, start,
};
use crate::{GatewayError, Settings};

const MOCK: &[(&str, &str)] = &[("test.mock.num.brokers", "1")];

/// Answers nothing until it is let go; tells that it was asked.
fn held() -> (Reply, Arc<Notify>, Arc<Notify>) {
    let (asked, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&asked), Arc::clone(&released));
    let reply: Reply = Arc::new(move |uri| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        Box::pin(async move {
            tell.notify_one();
            wait.notified().await;
            (200, order_json(id_in(&uri.to_string()), "paid"))
        })
    });
    (reply, asked, released)
}

#[tokio::test]
async fn it_is_ready_when_kafka_and_the_order_service_answer() {
    let ready = gateway(nothing_known()).await;
    let answer = send(ready.anonymous(Method::GET, "/readyz")).await;
    assert_eq!((answer.status, &answer.body["ready"]), (200, &json!(true)), "{answer:?}");
    let again = send(ready.anonymous(Method::GET, "/readyz")).await;
    assert_eq!(again.body, answer.body, "since is when it came to be so");
    let lives = send(ready.anonymous(Method::GET, "/healthz")).await;
    assert_eq!((lives.status, &lives.body["ok"]), (200, &json!(true)));
    assert_eq!(lives.body["dependencies"], answer.body["dependencies"], "{lives:?}");
}

#[tokio::test]
async fn it_says_what_it_waits_for() {
    let no_order = start(settings(), MOCK, None).await;
    let answer = send(no_order.anonymous(Method::GET, "/readyz")).await;
    let dependencies = &answer.body["dependencies"];
    assert_eq!(
        (answer.status, &dependencies["kafka"]["ok"], &dependencies["order"]["ok"]),
        (503, &json!(true), &json!(false))
    );
    assert!(dependencies["order"]["since"].is_string() && dependencies["order"]["detail"].is_string());
    let no_kafka = start(settings(), NO_KAFKA, Some(nothing_known())).await;
    let answer = send(no_kafka.anonymous(Method::GET, "/readyz")).await;
    let dependencies = &answer.body["dependencies"];
    assert_eq!(
        (answer.status, &dependencies["kafka"]["ok"], &dependencies["order"]["ok"]),
        (503, &json!(false), &json!(true))
    );
}

#[tokio::test]
async fn one_request_too_many_is_refused_and_health_still_answers() {
    let (answers, asked, released) = held();
    let gateway = start(Settings { concurrent_requests: 1, ..settings() }, MOCK, Some(answers)).await;
    let open = tokio::spawn(
        gateway.as_user("anna", Method::GET, "/v1/orders/00000000-0000-0000-0000-000000000007").send(),
    );
    asked.notified().await;
    let refused = send(gateway.as_user("anna", Method::GET, "/v1/orders")).await;
    refused.problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(send(gateway.anonymous(Method::GET, "/healthz")).await.status, 200);
    released.notify_one();
    assert_eq!(open.await.unwrap().unwrap().status(), 200);
    assert_ne!(send(gateway.as_user("anna", Method::GET, "/v1/none")).await.status, 503);
}

#[tokio::test]
async fn a_shutdown_ends_waits_and_finishes_what_is_open() {
    let (answers, asked, _released) = held();
    let patient = Settings { longest_wait_ms: 60_000, request_timeout_ms: 90_000, ..settings() };
    let mut gateway = start(patient, MOCK, Some(answers)).await;
    let request =
        gateway.as_user("anna", Method::POST, "/v1/orders").header("prefer", "wait=60").json(&order_body());
    let open = tokio::spawn(send(request));
    asked.notified().await;
    gateway.shutdown.cancel();
    let answer = timeout(Duration::from_secs(5), open).await.unwrap().unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    let ended = timeout(Duration::from_secs(5), &mut gateway.running).await;
    assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = gateway(nothing_known()).await;
    let settings =
        Settings { listen: first.address, order_url: "http://127.0.0.1:1".to_owned(), ..settings() };
    let publisher = publisher(MOCK);
    let ended = crate::run(settings, publisher, first.shutdown.clone(), |_| {}).await;
    let Err(error @ GatewayError::Listen(_)) = ended else { panic!("{ended:?}") };
    let text = minuet_telemetry::error_chain(&error);
    assert!(text.contains(&first.address.to_string()), "{text}");
}

#[tokio::test]
async fn a_slow_service_is_a_timeout() {
    let (answers, _asked, _released) = held();
    let gateway = start(settings(), MOCK, Some(answers)).await;
    let answer =
        send(gateway.as_user("anna", Method::GET, "/v1/orders/00000000-0000-0000-0000-000000000007")).await;
    answer.problem(504, "timeout");
    assert_eq!(answer.header("retry-after"), "1");
}

#[test]
fn settings_say_what_they_take() {
    let refused = |settings: Settings| settings.check().unwrap_err().to_string();
    let none = Settings { jwt_secret: None, ..settings() };
    assert!(refused(none).starts_with("gateway.jwt_secret: exactly one of"));
    assert!(
        refused(Settings { order_url: "127.0.0.1:80".to_owned(), ..settings() })
            .starts_with("gateway.order_url")
    );
}
