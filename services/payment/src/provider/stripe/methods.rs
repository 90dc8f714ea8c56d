//! The methods of `payment_method` as Stripe has them, and the currencies that each takes.

use minuet_events::values::{Currency, PaymentMethod};

/// One method at Stripe.
pub(super) struct Method {
    /// Stripe's name.
    pub(super) name: &'static str,
    /// Whether the charge needs a payment method that the shop's front end has made: card data never comes here.
    pub(super) needs_token: bool,
    /// None: every currency in which Stripe charges cards.
    currencies: Option<&'static [&'static str]>,
}

impl Method {
    /// Of these, an account may be offered fewer: its country decides, and Stripe then refuses the payment.
    pub(super) fn takes(&self, currency: Currency) -> bool {
        self.currencies.is_none_or(|currencies| currencies.contains(&currency.as_str()))
    }
}

pub(super) fn method(method: PaymentMethod) -> Method {
    match method {
        PaymentMethod::CreditCard | PaymentMethod::DebitCard => {
            Method { name: "card", needs_token: true, currencies: None }
        }
        PaymentMethod::Paypal => Method { name: "paypal", needs_token: false, currencies: Some(PAYPAL) },
        PaymentMethod::Alipay => Method { name: "alipay", needs_token: false, currencies: Some(ALIPAY) },
        PaymentMethod::Wechat => Method { name: "wechat_pay", needs_token: false, currencies: Some(WECHAT) },
    }
}

// By Stripe's pages on each payment method, "Supported currencies", November 2026.
#[rustfmt::skip]
const PAYPAL: &[&str] =
    &["AUD", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "NOK", "NZD", "PLN", "SEK", "SGD", "USD"];
#[rustfmt::skip]
const ALIPAY: &[&str] =
    &["AUD", "CAD", "CNY", "EUR", "GBP", "HKD", "JPY", "MYR", "NZD", "SGD", "USD"];
#[rustfmt::skip]
const WECHAT: &[&str] =
    &["AUD", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "HKD", "JPY", "NOK", "SEK", "SGD", "USD"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_currency_exists() {
        for code in [PAYPAL, ALIPAY, WECHAT].concat() {
            assert!(Currency::parse(code).is_ok(), "{code}");
        }
    }

    #[test]
    fn a_method_takes_its_currencies_only() {
        let brl = Currency::parse("BRL").unwrap();
        let taking = PaymentMethod::ALL.into_iter().filter(|of| method(*of).takes(brl));
        assert_eq!(taking.collect::<Vec<_>>(), [PaymentMethod::CreditCard, PaymentMethod::DebitCard]);
    }
}
