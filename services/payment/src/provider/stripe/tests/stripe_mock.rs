//! stripe-mock knows every path and parameter of Stripe's API by Stripe's own description, in one version. It keeps no state: what
//! it answers are examples.

use minuet_events::values::PaymentMethod;

use super::emulator::Emulator;
use super::{card, new, refund, stripe};
use crate::provider::stripe::StripeError;

/// With `-strict-version-check` the version in the header has to be the description's.
#[tokio::test]
#[ignore = "needs stripe-mock: make provider-test"]
async fn every_request_is_one_of_the_pinned_version() {
    let mock = Emulator::stripe_mock().await;
    let stripe = stripe(&mock.url);
    for new in [
        card("pm_card_visa"),
        new(PaymentMethod::DebitCard, "JPY", "1500", Some("pm_card_visa")),
        new(PaymentMethod::CreditCard, "KWD", "5.120", Some("pm_card_visa")),
        new(PaymentMethod::Paypal, "EUR", "12.50", None),
        new(PaymentMethod::Paypal, "EUR", "12.50", Some("pm_paypal")),
        new(PaymentMethod::Alipay, "CNY", "12.50", None),
        new(PaymentMethod::Wechat, "CNY", "12.50", None),
    ] {
        let intent = stripe.create(&new).await.unwrap().unwrap();
        stripe.confirm(&intent.id, &new).await.unwrap();
        stripe.retrieve(&intent.id).await.unwrap();
        stripe.cancel(&intent.id).await.unwrap();
        stripe.find(new.payment_id).await.unwrap();
        stripe.refund(&refund(&new, &intent.id, "5", 1)).await.unwrap().unwrap();
        assert!(!stripe.refunds(&intent.id).await.unwrap().is_empty());
        assert!(!stripe.disputes(&intent.id).await.unwrap().is_empty());
    }
    assert!(!stripe.refunds_since(1_700_000_000).await.unwrap().is_empty());
    assert!(!stripe.disputes_since(1_700_000_000).await.unwrap().is_empty());
}

/// The check is one: stripe-mock refuses a key of another form.
#[tokio::test]
#[ignore = "needs stripe-mock: make provider-test"]
async fn a_refusal_is_read() {
    let mock = Emulator::stripe_mock().await;
    let settings = super::StripeSettings {
        secret_key: Some(super::Secret::new("rk_wrong")),
        ..super::settings(&mock.url)
    };
    let error = super::Stripe::open(&settings).unwrap().retrieve("pi_1").await.unwrap_err();
    assert!(matches!(error, StripeError::Refused(_)), "{error:?}");
}
