//! The client as the payment service uses it: through its trait.

use minuet_events::values::{Amount, DisputeStatus, PaymentActionKind, PaymentToken};
use serde_json::json;
use uuid::Uuid;

use super::emulator::Emulator;
use super::scripted::{Reply, Scripted, intent};
use super::{card, stripe};
use crate::domain::{Answer, Charge, ProviderReference, Standing};
use crate::provider::stripe::Stripe;
use crate::provider::{Created, PaymentGateway, RefundRequest, RefundStanding};

fn charge(token: Option<&str>) -> Charge {
    let new = card("");
    Charge {
        order_id: new.order_id,
        payment_id: new.payment_id,
        payment_method: new.method,
        currency: new.currency,
        amount: new.amount,
        payment_token: token.map(|token| PaymentToken::parse(token).unwrap()),
    }
}

fn pi_1() -> ProviderReference {
    ProviderReference("pi_1".to_owned())
}

fn part(number: u128, amount: &str) -> RefundRequest {
    RefundRequest { refund_id: Uuid::from_u128(number).into(), amount: Amount::parse(amount).unwrap() }
}

#[tokio::test]
#[ignore = "needs localstripe: make provider-test"]
async fn a_payment_goes_from_its_creation_to_its_refund() {
    let emulator = Emulator::localstripe().await;
    let proxy = super::proxy::Proxy::before(&emulator.url).await;
    let (stripe, charge) = (stripe(&proxy.url), charge(Some("pm_card_visa")));
    assert_eq!(stripe.own_reference(charge.payment_id), None);
    let Created::Unconfirmed(reference) = PaymentGateway::create(&stripe, &charge).await.unwrap() else {
        panic!()
    };
    assert_eq!(PaymentGateway::ask(&stripe, &charge, &reference).await.unwrap(), Standing::Unconfirmed);
    let begun = stripe.begin(&charge, &reference).await.unwrap();
    let Standing::Answered(Answer::Captured { transaction_id, .. }) = &begun else { panic!("{begun:?}") };
    assert_eq!(transaction_id, reference.as_str());
    assert_eq!(stripe.begin(&charge, &reference).await.unwrap(), begun);
    assert_eq!(PaymentGateway::ask(&stripe, &charge, &reference).await.unwrap(), begun);
    assert_eq!(PaymentGateway::cancel(&stripe, &charge, &reference).await.unwrap(), begun);
    for wanted in [part(1, "5.00"), part(2, "20.00"), part(2, "20.00")] {
        let given = PaymentGateway::refund(&stripe, &charge, &reference, &wanted).await.unwrap();
        assert_eq!(given, RefundStanding::Given);
    }
    let listed = PaymentGateway::refunds(&stripe, &charge, &reference).await.unwrap();
    let mut listed: Vec<_> = listed.into_iter().map(|listed| (listed.refund_id, listed.amount)).collect();
    listed.sort();
    let expected = [part(1, "5.00"), part(2, "20.00")].map(|part| (Some(part.refund_id), part.amount));
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn what_cannot_be_paid_is_declined_before_there_is_an_intent() {
    let server = Scripted::new([Reply::Never]).await;
    let created = PaymentGateway::create(&stripe(&server.url), &charge(None)).await.unwrap();
    let Created::Declined { reason, .. } = created else { panic!("{created:?}") };
    assert_eq!(reason, "payment_token_missing");
}

/// Stripe's message names the token.
#[tokio::test]
async fn a_token_is_in_no_answer() {
    let refusal = json!({ "error": {
        "type": "invalid_request_error", "code": "resource_missing", "message": "No such PaymentMethod: 'pm_geheim'",
    }});
    let server = Scripted::new([Reply::Json(400, refusal)]).await;
    let created = PaymentGateway::create(&stripe(&server.url), &charge(Some("pm_geheim"))).await.unwrap();
    let shown = format!("{created:?}");
    assert!(shown.contains("resource_missing") && !shown.contains("geheim"), "{shown}");
}

/// Whatever led to it, money of another order does not count for this one.
#[tokio::test]
async fn another_payments_intent_is_no_answer() {
    for metadata in [json!({}), json!({ "payment_id": Uuid::from_u128(7).to_string() })] {
        let mut other = intent("succeeded");
        other["metadata"] = metadata;
        let server = Scripted::new([Reply::Json(200, other)]).await;
        let error = PaymentGateway::ask(&stripe(&server.url), &charge(None), &pi_1()).await.unwrap_err();
        assert!(error.detail.contains("pi_1 is another payment's intent"), "{error}");
    }
}

#[tokio::test]
async fn what_the_customer_has_to_do_is_told() {
    let charge = charge(Some("pm_1"));
    let mut waiting = intent("requires_action");
    waiting["metadata"] = json!({ "payment_id": charge.payment_id.to_string() });
    waiting["next_action"] =
        json!({ "type": "redirect_to_url", "redirect_to_url": { "url": "https://bank/1" } });
    let server = Scripted::new([Reply::Json(200, waiting)]).await;
    let standing = PaymentGateway::ask(&stripe(&server.url), &charge, &pi_1()).await.unwrap();
    let Standing::MustAct(action) = standing else { panic!("{standing:?}") };
    assert_eq!(
        (action.kind, action.url.as_deref()),
        (PaymentActionKind::ThreeDSecure, Some("https://bank/1"))
    );
}

#[tokio::test]
async fn a_refund_that_stripe_refuses_is_left_to_a_person() {
    let none = Reply::Json(200, json!({ "data": [], "has_more": false }));
    let refusal = json!({ "error": { "type": "invalid_request_error", "code": "charge_already_refunded" } });
    let server = Scripted::new([none, Reply::Json(400, refusal)]).await;
    let stripe = stripe(&server.url);
    let refused = PaymentGateway::refund(&stripe, &charge(None), &pi_1(), &part(1, "5.00")).await.unwrap();
    let RefundStanding::Failed { reason } = refused else { panic!("{refused:?}") };
    assert!(reason.contains("charge_already_refunded"), "{reason}");
}

#[tokio::test]
async fn disputes_are_listed() {
    let dispute = |status: &str| json!({ "id": status, "amount": 2500, "currency": "eur", "status": status });
    let all = ["needs_response", "warning_closed", "won", "lost", "of_a_later_version"].map(dispute);
    let server = Scripted::new([Reply::Json(200, json!({ "data": all, "has_more": false }))]).await;
    let listed =
        async |stripe: Stripe| PaymentGateway::disputes(&stripe, &charge(None), &pi_1()).await.unwrap();
    let statuses: Vec<_> = listed(stripe(&server.url)).await.iter().map(|dispute| dispute.status).collect();
    use DisputeStatus::{Lost, Opened, Won};
    assert_eq!(statuses, [Opened, Won, Won, Lost, Opened]);
}
