//! Against Stripe itself, with a key of its test mode: `STRIPE_TEST_KEY_FILE=FILE make provider-live`. No money moves in test mode.

use std::path::PathBuf;

use super::{NewIntent, Stripe, StripeSettings, card, refund};
use crate::provider::stripe::{Action, RefundStatus, Settled};

fn stripe() -> Stripe {
    let file =
        PathBuf::from(std::env::var_os("STRIPE_TEST_KEY_FILE").expect("STRIPE_TEST_KEY_FILE names a file"));
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(key.trim().starts_with("sk_test_"), "the file holds no key of Stripe's test mode");
    let settings = StripeSettings {
        secret_key_file: Some(file),
        return_url: Some("https://shop.example/return".to_owned()),
        ..StripeSettings::default()
    };
    Stripe::open(&settings).unwrap()
}

async fn charged(stripe: &Stripe, new: &NewIntent<'_>) -> (String, Settled) {
    let intent = stripe.create(new).await.unwrap().unwrap();
    let again = stripe.create(new).await.unwrap().unwrap();
    assert_eq!(intent.id, again.id, "one key, one intent");
    (intent.id.clone(), stripe.charge(&intent.id, new).await.unwrap())
}

#[tokio::test]
#[ignore = "needs a key of Stripe's test mode: make provider-live"]
async fn a_card_is_charged_and_given_back_in_parts() {
    let (stripe, new) = (stripe(), card("pm_card_visa"));
    let (intent, settled) = charged(&stripe, &new).await;
    assert_eq!(settled, Settled::Captured);
    for (amount, part) in [("5.00", 1), ("20.00", 2), ("20.00", 2)] {
        let given = stripe.refund(&refund(&new, &intent, amount, part)).await.unwrap().unwrap();
        assert!(matches!(given.status, Some(RefundStatus::Succeeded | RefundStatus::Pending)), "{given:?}");
    }
    assert_eq!(stripe.refunds(&intent).await.unwrap().len(), 2);
    assert!(stripe.disputes(&intent).await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs a key of Stripe's test mode: make provider-live"]
async fn a_card_is_declined() {
    let (_, settled) = charged(&stripe(), &card("pm_card_visa_chargeDeclinedInsufficientFunds")).await;
    assert_eq!(settled, Settled::Declined { reason: "insufficient_funds".to_owned() });
}

#[tokio::test]
#[ignore = "needs a key of Stripe's test mode: make provider-live"]
async fn three_d_secure_waits_and_can_be_called_off() {
    let stripe = stripe();
    let (intent, settled) = charged(&stripe, &card("pm_card_threeDSecureRequired")).await;
    assert!(matches!(settled, Settled::MustAct(Action::ThreeDSecure { url: Some(_), .. })), "{settled:?}");
    let declined = stripe.call_off(&intent, "reservation_expired").await.unwrap();
    assert_eq!(declined, Settled::Declined { reason: "reservation_expired".to_owned() });
}
