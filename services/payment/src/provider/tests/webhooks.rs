//! The provider's webhooks, as who receives them sees them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use minuet_identity::{Secret, verify_webhook};
use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::provider::WebhookSettings;

const SECRET: &str = "whsec_of_the_simulated_provider";

struct Receiver {
    provider: Arc<Simulated>,
    told: Arc<Mutex<Vec<Value>>>,
    _secret: Scratch,
    _running: DropGuard,
}

impl Receiver {
    /// Refuses the first `refused` of them.
    async fn of(webhooks: WebhookSettings, mut refused: u32) -> Receiver {
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let notes = Arc::clone(&told);
        let refused_left = Arc::new(Mutex::new(std::mem::take(&mut refused)));
        let take = async move |headers: HeaderMap, body: Bytes| {
            let left = *refused_left.lock();
            if left > 0 {
                *refused_left.lock() -= 1;
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let signature = headers["minuet-signature"].to_str().unwrap();
            let now = time::OffsetDateTime::now_utc().unix_timestamp();
            verify_webhook(&[Secret::new(SECRET)], signature, &body, now).unwrap();
            notes.lock().push(serde_json::from_slice(&body).unwrap());
            StatusCode::NO_CONTENT
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move {
            axum::serve(listener, Router::new().route("/hook", post(take))).await.unwrap()
        });
        let secret = Scratch::new();
        std::fs::write(&secret.0, format!("{SECRET}\n")).unwrap();
        let webhooks = WebhookSettings { url: Some(url), secret_file: Some(secret.0.clone()), ..webhooks };
        let provider = Arc::new(provider(ProviderSettings { settle_ms: 10, webhooks, ..settings(1.0) }));
        let stop = CancellationToken::new();
        let (sending, shutdown) = (Arc::clone(&provider), stop.clone());
        tokio::spawn(async move { sending.send_webhooks(shutdown).await });
        Receiver { provider, told, _secret: secret, _running: stop.drop_guard() }
    }

    async fn capture(&self, charge: &Charge) {
        self.provider.begin(charge, &reference(charge.payment_id)).await.unwrap();
    }

    fn told(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.told.lock().iter().map(|event| (text(&event["id"]), text(&event["type"]))).collect()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&[(String, String)]) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.told()) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {:?}", self.told());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn kinds(told: &[(String, String)]) -> BTreeSet<&str> {
    told.iter().map(|(_, kind)| kind.as_str()).collect()
}

#[tokio::test]
async fn what_happens_is_told_with_its_order_and_a_signature() {
    let receiver = Receiver::of(WebhookSettings::default(), 0).await;
    let charge = charge_of(1, "9999.21");
    receiver.capture(&charge).await;
    let refund = RefundRequest { refund_id: ids::refund_id(charge.payment_id), amount: charge.amount };
    receiver.provider.refund(&charge, &reference(charge.payment_id), &refund).await.unwrap();
    let expected = BTreeSet::from(["payment_intent.succeeded", "refund.created", "refund.updated"]);
    receiver.until("all are told", |told| kinds(told) == expected).await;
    for event in receiver.told.lock().iter() {
        let object = &event["data"]["object"];
        let payment = if event["type"] == "payment_intent.succeeded" {
            &object["id"]
        } else {
            &object["payment_intent"]
        };
        assert_eq!(*payment, reference(charge.payment_id).as_str());
        assert_eq!(object["metadata"]["order_id"], charge.order_id.to_string());
    }
}

#[tokio::test]
async fn a_dispute_is_told_when_it_is_opened_and_when_it_is_closed() {
    let receiver = Receiver::of(WebhookSettings::default(), 0).await;
    receiver.capture(&charge_of(1, "9999.32")).await;
    let expected =
        BTreeSet::from(["payment_intent.succeeded", "charge.dispute.created", "charge.dispute.closed"]);
    receiver.until("all are told", |told| kinds(told) == expected).await;
}

#[tokio::test]
async fn webhooks_come_twice_late_and_out_of_order() {
    let webhooks = WebhookSettings { delay_ms: 200, repeat_rate: 1.0, ..WebhookSettings::default() };
    let receiver = Receiver::of(webhooks, 0).await;
    for number in 0..20 {
        receiver.capture(&charge(number)).await;
    }
    receiver.until("each is told twice", |told| told.len() == 40).await;
    let ids: Vec<String> = receiver.told().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 20);
    let order: Vec<String> =
        receiver.told.lock().iter().map(|event| event["data"]["object"]["id"].to_string()).collect();
    let sent: Vec<String> =
        (0..20).map(|number| format!("{:?}", reference(charge(number).payment_id).as_str())).collect();
    assert_ne!(
        order.iter().filter(|id| sent.contains(id)).take(20).collect::<Vec<_>>(),
        sent.iter().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_webhook_that_is_not_taken_is_sent_again_and_some_are_lost() {
    let receiver = Receiver::of(WebhookSettings::default(), 2).await;
    receiver.capture(&charge(1)).await;
    receiver.until("it is told at last", |told| told.len() == 1).await;

    let webhooks = WebhookSettings { loss_rate: 0.5, ..WebhookSettings::default() };
    let receiver = Receiver::of(webhooks, 0).await;
    for number in 0..100 {
        receiver.capture(&charge(number)).await;
    }
    // The draws are fixed, so this cannot fail by chance.
    receiver.until("about half is told", |told| told.len() > 30).await;
    let lost = WebhookSettings { loss_rate: 1.0, ..WebhookSettings::default() };
    let none = Receiver::of(lost, 0).await;
    none.capture(&charge(1)).await;
    receiver.capture(&charge_of(200, "9999.32")).await;
    receiver.until("later ones are told", |told| told.len() > 31).await;
    assert!(receiver.told().len() < 75 && none.told().is_empty(), "{}", receiver.told().len());
}
