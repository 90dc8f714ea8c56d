//! The client against servers that answer as a test says (`faults`, `once`), and, where `make provider-test` has installed them,
//! against programs by others: stripe-mock knows what Stripe's API takes, localstripe keeps state, Stripe's SDK signs webhooks.

mod emulator;
mod faults;
mod gateway;
mod live;
mod localstripe;
mod proxy;
mod scripted;
mod secrets;
mod signatures;
mod stripe_mock;

use minuet_events::ids;
use minuet_events::values::{Amount, Currency, OrderId, PaymentMethod};
use minuet_identity::Secret;
use uuid::Uuid;

use super::{NewIntent, NewRefund, Stripe, StripeSettings};

/// In no error, log or `Debug` form.
const KEY: &str = "sk_test_geheim123";

fn settings(url: &str) -> StripeSettings {
    StripeSettings {
        secret_key: Some(Secret::new(KEY)),
        url: url.to_owned(),
        return_url: Some("https://shop.example/return".to_owned()),
        requests_per_second: 1_000,
        timeout_ms: 5_000,
        ..StripeSettings::default()
    }
}

fn stripe(url: &str) -> Stripe {
    Stripe::open(&settings(url)).unwrap()
}

/// The charge of a new order.
fn new(
    method: PaymentMethod,
    currency: &str,
    amount: &str,
    token: Option<&'static str>,
) -> NewIntent<'static> {
    let order_id = OrderId::new(Uuid::now_v7());
    NewIntent {
        order_id,
        payment_id: ids::payment_id(order_id),
        method,
        currency: Currency::parse(currency).unwrap(),
        amount: Amount::parse(amount).unwrap(),
        token,
    }
}

fn card(token: &'static str) -> NewIntent<'static> {
    new(PaymentMethod::CreditCard, "EUR", "25.00", Some(token))
}

/// `part` tells apart the refunds of one payment.
fn refund<'a>(new: &NewIntent<'_>, intent: &'a str, amount: &str, part: u128) -> NewRefund<'a> {
    NewRefund {
        intent,
        order_id: new.order_id,
        refund_id: Uuid::from_u128(new.payment_id.as_uuid().as_u128() ^ part).into(),
        currency: new.currency,
        amount: Amount::parse(amount).unwrap(),
    }
}
