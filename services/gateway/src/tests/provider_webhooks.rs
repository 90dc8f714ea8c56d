//! Webhooks of payment providers: whose are taken, and what becomes of them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use minuet_identity::{Secret, sign_webhook};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::harness::{NO_KAFKA, TestGateway, send, settings, start};
use crate::{GatewayError, Settings};

const OLD: &str = "whsec_the_old_secret_of_the_tests";
const NEW: &str = "whsec_the_new_secret_of_the_tests";
const PATH: &str = "/v1/providers/stripe/webhook";
const KAFKA: &[(&str, &str)] = &[("test.mock.num.brokers", "1")];

struct File(PathBuf);

impl File {
    fn of(text: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("minuet-webhook-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let file = File(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn taking(stripe: &File) -> Settings {
    Settings { stripe_webhook_secrets_file: Some(stripe.0.clone()), ..settings() }
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn event(kind: &str, object: Value) -> String {
    json!({"id": "evt_1", "type": kind, "data": {"object": object}}).to_string()
}

fn succeeded() -> String {
    let metadata = json!({"order_id": "0190a8f0-0000-7000-8000-000000000001"});
    event("payment_intent.succeeded", json!({"id": "pi_1", "metadata": metadata}))
}

/// No token: providers have none.
fn signed(gateway: &TestGateway, secret: &str, seconds: i64, body: &str) -> RequestBuilder {
    let signature = sign_webhook(&Secret::new(secret), seconds, body.as_bytes());
    gateway
        .anonymous(Method::POST, PATH)
        .header("stripe-signature", signature)
        .header("content-type", "application/json; charset=utf-8")
        .body(body.to_owned())
}

async fn counted(gateway: &TestGateway, outcome: &str) -> bool {
    let page = gateway.anonymous(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    page.lines().any(|line| {
        line.starts_with("provider_webhook_count")
            && line.contains(&format!("outcome=\"{outcome}\""))
            && line.contains("provider=\"stripe\"")
    })
}

#[tokio::test]
async fn a_signed_webhook_is_taken_and_a_forged_one_is_not() {
    let file = File::of(OLD);
    let gateway = start(taking(&file), KAFKA, None).await;
    let body = succeeded();
    assert_eq!(send(signed(&gateway, OLD, now(), &body)).await.status, 204);
    assert!(counted(&gateway, "taken").await);

    send(signed(&gateway, NEW, now(), &body)).await.problem(400, "webhook-refused");
    assert!(counted(&gateway, "wrong").await);
    send(signed(&gateway, OLD, now() - 301, &body)).await.problem(400, "webhook-refused");
    send(signed(&gateway, OLD, now() + 301, &body)).await.problem(400, "webhook-refused");
    assert!(counted(&gateway, "stale").await);
    let unsigned = gateway.anonymous(Method::POST, PATH).body(body.clone());
    send(unsigned).await.problem(400, "webhook-refused");
    send(signed(&gateway, OLD, now(), &body).header("stripe-signature", "t=1,v1=00"))
        .await
        .problem(400, "webhook-refused");
    assert!(counted(&gateway, "malformed").await);
    // One byte of the body is another one.
    let signature = sign_webhook(&Secret::new(OLD), now(), body.as_bytes());
    let other = gateway.anonymous(Method::POST, PATH).header("stripe-signature", signature);
    send(other.body(body.replace("pi_1", "pi_2"))).await.problem(400, "webhook-refused");
}

#[tokio::test]
async fn a_webhook_that_concerns_no_order_is_dropped() {
    let file = File::of(OLD);
    // Without Kafka it could not be published.
    let gateway = start(taking(&file), NO_KAFKA, None).await;
    for (body, outcome) in [
        (event("customer.created", json!({"id": "cus_1"})), "of_no_concern"),
        (event("payment_intent.succeeded", json!({"id": "pi_1", "metadata": {}})), "without_order"),
    ] {
        assert_eq!(send(signed(&gateway, OLD, now(), &body)).await.status, 204);
        assert!(counted(&gateway, outcome).await, "{outcome}");
    }
    send(signed(&gateway, OLD, now(), "{")).await.problem(400, "malformed-json");
    send(signed(&gateway, OLD, now(), "[]")).await.problem(422, "invalid-request");
    assert!(counted(&gateway, "no_event").await);
}

#[tokio::test]
async fn without_kafkas_acknowledgement_the_provider_is_told_to_send_it_again() {
    let file = File::of(OLD);
    let gateway = start(taking(&file), NO_KAFKA, None).await;
    send(signed(&gateway, OLD, now(), &succeeded())).await.problem(503, "not-acknowledged");
    assert!(counted(&gateway, "not_acknowledged").await);
}

#[tokio::test]
async fn only_webhooks_of_a_configured_provider_are_taken() {
    let file = File::of(OLD);
    let gateway = start(taking(&file), KAFKA, None).await;
    for provider in ["simulated", "paypal", "Stripe", "%00"] {
        let path = format!("/v1/providers/{provider}/webhook");
        send(gateway.anonymous(Method::POST, &path).body("{}")).await.problem(404, "not-found");
    }
    send(signed(&gateway, OLD, now(), &"x".repeat(70_000))).await.problem(413, "body-too-large");
}

#[tokio::test]
async fn secrets_rotate_while_the_gateway_runs() {
    let file = File::of(OLD);
    let gateway = start(taking(&file), KAFKA, None).await;
    let takes = async |secret: &str| send(signed(&gateway, secret, now(), &succeeded())).await.status == 204;
    let awaits = async |secret: &str, wanted: bool| {
        let begun = Instant::now();
        while takes(secret).await != wanted {
            assert!(begun.elapsed() < Duration::from_secs(20), "{secret} is taken: {}", !wanted);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(!takes(NEW).await);
    file.write(&format!("{NEW}\n{OLD}\n"));
    awaits(NEW, true).await;
    assert!(takes(OLD).await);
    file.write(NEW);
    awaits(OLD, false).await;
    assert!(takes(NEW).await);
}

#[tokio::test]
async fn secrets_that_cannot_be_used_stop_the_start() {
    for text in ["", "\n", "short", "a secret with spaces in it"] {
        let file = File::of(text);
        let publisher = super::harness::publisher(KAFKA);
        let ran = crate::run(taking(&file), publisher, Default::default(), |_| {}).await;
        let Err(GatewayError::WebhookSecrets(error)) = ran else { panic!("{text:?}: {ran:?}") };
        let told = error.to_string();
        assert!(told.contains(&file.0.display().to_string()), "{told}");
        assert!(text.trim().is_empty() || !told.contains(text), "{told}");
    }
}
