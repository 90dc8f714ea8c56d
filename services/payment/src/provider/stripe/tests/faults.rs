//! Faults, refusals and answers of the wrong form, and what the client makes of each.

use std::time::{Duration, Instant};

use minuet_events::values::PaymentMethod;
use serde_json::json;

use super::scripted::{Reply, Scripted, declined, intent, unexpected_state};
use super::{card, new, refund, settings, stripe};
use crate::provider::stripe::{Action, Settled, Stripe, StripeError, Unpayable};

#[tokio::test]
async fn a_fault_is_retried_under_the_same_key() {
    let fault = |status| Reply::Json(status, json!({ "error": { "type": "api_error" } }));
    for fault in [fault(409), fault(429), fault(500), fault(503), Reply::Cut, Reply::Text(200, "<html>")] {
        let server = Scripted::new([fault.clone(), Reply::Json(200, intent("requires_confirmation"))]).await;
        let new = card("pm_1");
        let created = stripe(&server.url).create(&new).await.unwrap().unwrap();
        assert_eq!(created.id, "pi_1");
        let [first, second] = &server.asked()[..] else { panic!("{fault:?}: {:?}", server.lines()) };
        assert_eq!(first.header("idempotency-key"), new.payment_id.to_string());
        assert_eq!(second.header("idempotency-key"), first.header("idempotency-key"));
        assert_eq!(second.body, first.body);
    }
}

#[tokio::test]
async fn a_fault_that_stays_is_no_answer() {
    for (fault, shown) in [
        (Reply::Json(500, json!({})), "Stripe answered 500 Internal Server Error"),
        (Reply::Json(409, json!({})), "Stripe answered 409 Conflict"),
        (Reply::Text(200, "no JSON"), "Stripe's answer (200 OK) is not what its API describes"),
        (Reply::Cut, "Stripe could not be reached, or did not answer in time"),
    ] {
        let server = Scripted::new([fault]).await;
        let error = stripe(&server.url).retrieve("pi_1").await.unwrap_err();
        assert!(!matches!(error, StripeError::Refused(_)));
        assert_eq!(error.to_string(), shown);
        assert_eq!(server.asked().len(), 3);
    }
}

#[tokio::test]
async fn a_hang_ends() {
    let server = Scripted::new([Reply::Never]).await;
    let hasty =
        Stripe::open(&crate::provider::stripe::StripeSettings { timeout_ms: 100, ..settings(&server.url) });
    let error = hasty.unwrap().retrieve("pi_1").await.unwrap_err();
    assert!(matches!(error, StripeError::Connection(_)), "{error:?}");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_pause_is_kept_by_every_call() {
    let busy =
        Reply::With(429, ("retry-after", "1"), json!({ "error": { "type": "invalid_request_error" } }));
    let server = Scripted::new([busy, Reply::Json(200, intent("succeeded"))]).await;
    let (stripe, begun) = (stripe(&server.url), Instant::now());
    stripe.retrieve("pi_1").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_declined_card_is_not_asked_again_and_is_cancelled() {
    let server = Scripted::new([
        Reply::Json(402, declined("insufficient_funds")),
        Reply::Json(200, intent("canceled")),
    ])
    .await;
    let settled = stripe(&server.url).charge("pi_1", &card("pm_1")).await.unwrap();
    assert_eq!(settled, Settled::Declined { reason: "insufficient_funds".to_owned() });
    let expected = ["POST /v1/payment_intents/pi_1/confirm", "POST /v1/payment_intents/pi_1/cancel"];
    assert_eq!(server.lines(), expected);
}

/// Between the decline and its cancellation the customer tried again.
#[tokio::test]
async fn a_payment_that_is_captured_meanwhile_is_captured() {
    let server = Scripted::new([
        Reply::Json(402, declined("insufficient_funds")),
        Reply::Json(400, unexpected_state()),
        Reply::Json(200, intent("succeeded")),
    ])
    .await;
    let settled = stripe(&server.url).charge("pi_1", &card("pm_1")).await.unwrap();
    assert_eq!(settled, Settled::Captured);
}

/// The answer to the first confirmation was lost.
#[tokio::test]
async fn a_confirmation_that_was_carried_out_before_tells_what_became_of_it() {
    for (status, expected) in [("succeeded", Settled::Captured), ("processing", Settled::Processing)] {
        let server =
            Scripted::new([Reply::Json(400, unexpected_state()), Reply::Json(200, intent(status))]).await;
        assert_eq!(stripe(&server.url).charge("pi_1", &card("pm_1")).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_token_that_was_used_declines_the_payment() {
    let used = json!({ "error": {
        "type": "invalid_request_error", "code": "resource_missing", "message": "No such PaymentMethod: 'pm_1'",
    }});
    let server = Scripted::new([Reply::Json(400, used), Reply::Json(200, intent("canceled"))]).await;
    let settled = stripe(&server.url).charge("pi_1", &card("pm_1")).await.unwrap();
    assert_eq!(settled, Settled::Declined { reason: "resource_missing".to_owned() });
}

/// A wrong key, or a key that was used for another request, says nothing about the customer's payment.
#[tokio::test]
async fn a_refusal_of_the_caller_declines_nothing() {
    for (status, kind) in
        [(401, "invalid_request_error"), (403, "invalid_request_error"), (400, "idempotency_error")]
    {
        let refusal =
            json!({ "error": { "type": kind, "message": "Invalid API Key provided: sk_test_****m123" } });
        let server = Scripted::new([Reply::Json(status, refusal)]).await;
        let error = stripe(&server.url).charge("pi_1", &card("pm_1")).await.unwrap_err();
        let StripeError::Refused(refusal) = &error else { panic!("{error:?}") };
        assert!(!refusal.is_about_the_payment());
        assert_eq!(server.asked().len(), 1, "{status} {kind}");
        assert!(status == 400 || !error.to_string().contains("sk_test"), "{error}");
    }
}

#[tokio::test]
async fn what_stripe_would_refuse_is_not_sent() {
    let server = Scripted::new([Reply::Never]).await;
    for (new, expected) in [
        (new(PaymentMethod::Alipay, "BRL", "5.00", None), Unpayable::CurrencyNotTaken),
        (new(PaymentMethod::Wechat, "PLN", "5.00", None), Unpayable::CurrencyNotTaken),
        (new(PaymentMethod::Paypal, "JPY", "5", None), Unpayable::CurrencyNotTaken),
        (new(PaymentMethod::DebitCard, "EUR", "5.00", None), Unpayable::TokenMissing),
        (new(PaymentMethod::CreditCard, "KWD", "5.001", Some("pm_1")), Unpayable::AmountNotPayable),
    ] {
        assert_eq!(stripe(&server.url).create(&new).await.unwrap().unwrap_err(), expected);
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn what_the_customer_has_to_do() {
    let redirect = json!({ "type": "redirect_to_url", "redirect_to_url": { "url": "https://pay/1" } });
    let alipay =
        json!({ "type": "alipay_handle_redirect", "alipay_handle_redirect": { "url": "https://ali/1" } });
    let wechat = json!({ "type": "wechat_pay_display_qr_code", "wechat_pay_display_qr_code": {
        "data": "weixin://1", "hosted_instructions_url": "https://qr/1", "image_data_url": "data:" } });
    let sdk = json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} });
    let (to, secret) = (|url: &str| Some(url.to_owned()), Some("pi_1_secret_x".to_owned()));
    for (method, next, expected) in [
        ("paypal", &redirect, Some(Action::Redirect { url: "https://pay/1".to_owned() })),
        ("alipay", &alipay, Some(Action::Redirect { url: "https://ali/1".to_owned() })),
        ("wechat_pay", &wechat, Some(Action::QrCode { data: to("weixin://1"), url: to("https://qr/1") })),
        (
            "card",
            &redirect,
            Some(Action::ThreeDSecure { url: to("https://pay/1"), client_secret: secret.clone() }),
        ),
        ("card", &sdk, Some(Action::ThreeDSecure { url: None, client_secret: secret.clone() })),
        ("paypal", &sdk, None),
    ] {
        let mut waiting = intent("requires_action");
        waiting["next_action"] = next.clone();
        waiting["payment_method_types"] = json!([method]);
        let server = Scripted::new([Reply::Json(200, waiting)]).await;
        let settled = stripe(&server.url).ask("pi_1").await.unwrap();
        assert_eq!(settled, expected.map_or(Settled::Processing, Settled::MustAct), "{method} {next}");
    }
}

#[tokio::test]
async fn a_refund_that_was_given_is_found_and_not_given_again() {
    let (new, other) =
        (card("pm_1"), json!({ "id": "re_0", "amount": 100, "currency": "eur", "metadata": {} }));
    let wanted = refund(&new, "pi_1", "5.00", 1);
    let given = json!({
        "id": "re_1", "amount": 500, "currency": "eur", "status": "succeeded",
        "metadata": { "refund_id": wanted.refund_id.to_string() },
    });
    let server = Scripted::new([
        Reply::Json(200, json!({ "data": [other], "has_more": true })),
        Reply::Json(200, json!({ "data": [given], "has_more": false })),
    ])
    .await;
    assert_eq!(stripe(&server.url).refund(&wanted).await.unwrap().unwrap().id, "re_1");
    let expected = [
        "GET /v1/refunds?payment_intent=pi_1&limit=100",
        "GET /v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_0",
    ];
    assert_eq!(server.lines(), expected);
}

#[tokio::test]
async fn a_refund_of_more_than_is_left_is_refused() {
    let refusal = json!({ "error": { "type": "invalid_request_error", "code": "charge_already_refunded" } });
    let server = Scripted::new([
        Reply::Json(200, json!({ "data": [], "has_more": false })),
        Reply::Json(400, refusal),
    ])
    .await;
    let new = card("pm_1");
    let error = stripe(&server.url).refund(&refund(&new, "pi_1", "99.00", 1)).await.unwrap_err();
    let StripeError::Refused(refusal) = error else { panic!("{error:?}") };
    assert_eq!((refusal.is_about_the_payment(), refusal.reason()), (true, "charge_already_refunded"));
}

/// Stripe's search is no exact match.
#[tokio::test]
async fn only_the_payments_own_intent_is_found() {
    let new = card("pm_1");
    for (found, expected) in [(new.payment_id.to_string(), true), ("another".to_owned(), false)] {
        let mut intent = intent("requires_confirmation");
        intent["metadata"] = json!({ "payment_id": found });
        let server = Scripted::new([Reply::Json(200, json!({ "data": [intent] }))]).await;
        assert_eq!(stripe(&server.url).find(new.payment_id).await.unwrap().is_some(), expected);
    }
}

/// Stripe keeps a fault under its key for a day. Another intent does no harm: neither is confirmed yet.
#[tokio::test]
async fn a_fault_that_stripe_keeps_under_a_key_is_passed_by() {
    let kept = Reply::With(500, ("idempotent-replayed", "true"), json!({ "error": { "type": "api_error" } }));
    let server = Scripted::new([kept, Reply::Json(200, intent("requires_confirmation"))]).await;
    let new = card("pm_1");
    stripe(&server.url).create(&new).await.unwrap().unwrap();
    let keys: Vec<_> =
        server.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, [new.payment_id.to_string(), format!("{}:2", new.payment_id)]);
}

/// Another key could give the money back a second time.
#[tokio::test]
async fn a_refund_that_may_have_been_given_keeps_its_key() {
    let none = Reply::Json(200, json!({ "data": [], "has_more": false }));
    let kept = Reply::With(500, ("idempotent-replayed", "true"), json!({ "error": { "type": "api_error" } }));
    let server = Scripted::new([none.clone(), kept, none]).await;
    let new = card("pm_1");
    let wanted = refund(&new, "pi_1", "5.00", 1);
    let error = stripe(&server.url).refund(&wanted).await.unwrap_err();
    assert!(matches!(error, StripeError::Unavailable { .. }), "{error:?}");
    let keys: Vec<_> =
        server.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, ["".to_owned(), wanted.refund_id.to_string(), "".to_owned()]);
}
