//! localstripe keeps the state of payments as Stripe does: confirmed, declined, waiting for 3-D Secure, refunded. Between it and the
//! client stands the [`Proxy`].

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::emulator::Emulator;
use super::proxy::{Fault, Proxy};
use super::{KEY, NewIntent, Stripe, StripeSettings, card, refund, settings, stripe};
use crate::provider::stripe::{Action, RefundStatus, Settled, Standing, StripeError};

struct World {
    emulator: Emulator,
    proxy: Proxy,
    stripe: Stripe,
    http: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let emulator = Emulator::localstripe().await;
        let proxy = Proxy::before(&emulator.url).await;
        let hasty = StripeSettings { timeout_ms: 1_500, ..settings(&proxy.url) };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        World { stripe: Stripe::open(&hasty).unwrap(), emulator, proxy, http }
    }

    async fn created(&self, new: &NewIntent<'_>) -> String {
        self.stripe.create(new).await.unwrap().unwrap().id
    }

    /// As the shop's front end does, or a person's browser.
    async fn post(&self, path: &str, form: &str) -> Value {
        let request = self.http.post(format!("{}{path}", self.emulator.url)).bearer_auth(KEY);
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        let answer = request.send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// A card that asks for 3-D Secure at every payment.
    async fn secured_card(&self) -> &'static str {
        let form =
            "type=card&card[number]=4000002760003184&card[exp_month]=12&card[exp_year]=2030&card[cvc]=123";
        let method = self.post("/v1/payment_methods", form).await;
        String::leak(method["id"].as_str().unwrap().to_owned())
    }

    async fn authenticate(&self, intent: &str, action: &Action, succeeds: bool) {
        let Action::ThreeDSecure { client_secret: Some(secret), .. } = action else { panic!("{action:?}") };
        let form = format!("client_secret={secret}&success={succeeds}");
        self.post(&format!("/v1/payment_intents/{intent}/_authenticate"), &form).await;
    }

    /// The provider's own books: what was captured less what was given back, of every payment, in cents.
    async fn balance(&self) -> i64 {
        let sum = async |list: &str| {
            let url = format!("{}/v1/{list}?limit=100", self.emulator.url);
            let answer = self.http.get(url).bearer_auth(KEY).send().await.unwrap().text().await.unwrap();
            let page: Value = serde_json::from_str(&answer).unwrap();
            let of = page["data"].as_array().unwrap().iter();
            of.filter(|of| of["status"] == "succeeded").map(|of| of["amount"].as_i64().unwrap()).sum::<i64>()
        };
        sum("charges").await - sum("refunds").await
    }
}

#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn a_card_is_charged_once_and_given_back_in_parts() {
    let world = World::new().await;
    let new = card("pm_card_visa");
    let intent = world.created(&new).await;
    assert_eq!(world.balance().await, 0, "an intent that is not confirmed moves no money");
    assert_eq!(world.stripe.ask(&intent).await.unwrap(), Settled::Unconfirmed);
    assert_eq!(world.stripe.charge(&intent, &new).await.unwrap(), Settled::Captured);
    assert_eq!(world.stripe.charge(&intent, &new).await.unwrap(), Settled::Captured);
    assert_eq!(world.balance().await, 2_500);
    for (amount, part, left) in [("5.00", 1, 2_000), ("20.00", 2, 0), ("20.00", 2, 0)] {
        let given = world.stripe.refund(&refund(&new, &intent, amount, part)).await.unwrap().unwrap();
        assert_eq!(given.status, Some(RefundStatus::Succeeded));
        assert_eq!(world.balance().await, left);
    }
    assert_eq!(world.stripe.refunds(&intent).await.unwrap().len(), 2);
}

/// A day later, the keys being forgotten: the refund is looked for first.
#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn a_refund_is_given_once_even_when_its_key_is_forgotten() {
    let world = World::new().await;
    let new = card("pm_card_visa");
    let intent = world.created(&new).await;
    world.stripe.charge(&intent, &new).await.unwrap();
    for _ in 0..3 {
        world.stripe.refund(&refund(&new, &intent, "10.00", 1)).await.unwrap().unwrap();
        world.proxy.forget_keys();
    }
    assert_eq!(world.balance().await, 1_500);
}

#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn a_declined_card_leaves_an_intent_that_nobody_can_pay() {
    let world = World::new().await;
    let new = card("pm_card_chargeCustomerFail");
    let intent = world.created(&new).await;
    let declined = world.stripe.charge(&intent, &new).await.unwrap();
    assert_eq!(declined, Settled::Declined { reason: "card_declined".to_owned() });
    assert!(matches!(world.stripe.retrieve(&intent).await.unwrap().standing(), Standing::Canceled { .. }));
    assert_eq!(world.balance().await, 0);
}

#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn three_d_secure_waits_for_the_customer() {
    let world = World::new().await;
    for (succeeds, money) in [(true, 2_500), (false, 2_500)] {
        let new = card(world.secured_card().await);
        let intent = world.created(&new).await;
        let waiting = world.stripe.charge(&intent, &new).await.unwrap();
        let Settled::MustAct(action) = waiting else { panic!("{waiting:?}") };
        assert_eq!(world.stripe.ask(&intent).await.unwrap(), Settled::MustAct(action.clone()));
        world.authenticate(&intent, &action, succeeds).await;
        let settled = world.stripe.ask(&intent).await.unwrap();
        let reason = "payment_intent_authentication_failure".to_owned();
        assert_eq!(settled, if succeeds { Settled::Captured } else { Settled::Declined { reason } });
        assert_eq!(world.balance().await, money);
    }
}

#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn a_payment_that_waits_can_be_called_off_and_a_captured_one_cannot() {
    let world = World::new().await;
    let new = card(world.secured_card().await);
    let intent = world.created(&new).await;
    let Settled::MustAct(action) = world.stripe.charge(&intent, &new).await.unwrap() else { panic!() };
    let reason = "reservation_expired".to_owned();
    let declined = world.stripe.call_off(&intent, &reason).await.unwrap();
    assert_eq!(declined, Settled::Declined { reason: reason.clone() });
    // The customer comes too late.
    world.authenticate(&intent, &action, true).await;
    assert!(matches!(world.stripe.ask(&intent).await.unwrap(), Settled::Declined { .. }));
    assert_eq!(world.balance().await, 0);

    let paid = card("pm_card_visa");
    let intent = world.created(&paid).await;
    world.stripe.charge(&intent, &paid).await.unwrap();
    assert_eq!(world.stripe.call_off(&intent, &reason).await.unwrap(), Settled::Captured);
}

/// Whatever happens to any one request: one capture, and one refund of each part.
#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn no_disturbed_request_moves_money_twice() {
    let world = World::new().await;
    let mut expected = 0;
    for fault in [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Late(Duration::from_secs(3)),
        Fault::Doubled,
        Fault::Kept(500),
        Fault::Refused(502),
        Fault::Refused(429),
    ] {
        for disturbed in ["POST /v1/payment_intents", "/confirm", "GET /v1/refunds", "POST /v1/refunds"] {
            let new = card("pm_card_visa");
            world.proxy.disturb(disturbed, fault);
            let intent = until_answered(async || world.stripe.create(&new).await).await.unwrap();
            let settled = until_answered(async || match world.stripe.ask(&intent.id).await? {
                Settled::Unconfirmed => world.stripe.charge(&intent.id, &new).await,
                settled => Ok(settled),
            })
            .await;
            assert_eq!(settled, Settled::Captured, "{fault:?} at {disturbed}");
            let wanted = refund(&new, &intent.id, "10.00", 1);
            until_answered(async || world.stripe.refund(&wanted).await).await.unwrap();
            until_answered(async || world.stripe.refund(&wanted).await).await.unwrap();
            expected += 1_500;
            assert_eq!(world.balance().await, expected, "{fault:?} at {disturbed}");
            assert!(world.proxy.is_quiet(), "{fault:?} at {disturbed}");
        }
    }
    assert!(world.proxy.passed("/confirm") >= 28);
}

/// As the worker does: no answer is no answer.
async fn until_answered<T>(mut ask: impl AsyncFnMut() -> Result<T, StripeError>) -> T {
    for _ in 0..5 {
        match ask().await {
            Ok(answer) => return answer,
            Err(StripeError::Refused(refusal)) => panic!("{refusal}"),
            Err(_) => {}
        }
    }
    panic!("no answer");
}

/// The same payment created by two processes at once, as after a takeover.
#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn a_payment_that_is_created_twice_has_one_intent() {
    let world = World::new().await;
    let (new, other) = (card("pm_card_visa"), stripe(&world.proxy.url));
    let (first, second) = tokio::join!(world.stripe.create(&new), other.create(&new));
    let ids: BTreeSet<_> = [first, second].map(|created| created.unwrap().unwrap().id).into();
    assert_eq!(ids.len(), 1);
}
