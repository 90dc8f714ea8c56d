//! Amounts as Stripe counts them: whole numbers of a currency's smallest unit.

use minuet_events::values::{Amount, Currency};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The amount in Stripe's units. None: Stripe cannot take exactly this amount.
///
/// The number of decimals is ISO 4217's, with Stripe's exceptions (its page "Supported currencies"): ISK is counted in hundredths
/// of which there are none, MGA in whole ariary, and the last digit of an amount with three decimals must be 0.
pub(super) fn to_units(amount: Amount, currency: Currency) -> Option<u64> {
    let scale = decimals(currency)?;
    let units = amount.get().checked_mul(Decimal::from(10_u64.pow(scale)))?;
    let units = units.is_integer().then(|| units.to_u64()).flatten()?;
    units.is_multiple_of(step(currency)).then_some(units)
}

/// An amount that Stripe tells. None: it is no amount of this currency.
pub(super) fn from_units(units: u64, currency: Currency) -> Option<Amount> {
    let scale = decimals(currency)?;
    Amount::new(Decimal::from_i128_with_scale(i128::from(units), scale)).ok()
}

/// A currency as Stripe writes it.
pub(super) fn code(currency: Currency) -> String {
    currency.as_str().to_ascii_lowercase()
}

/// None: Stripe does not charge in this currency, or its unit there is not certain. Stripe's pages have said both that UGX has no
/// decimals and that it has two: a factor of a hundred is no risk to take.
fn decimals(currency: Currency) -> Option<u32> {
    match (currency.as_str(), currency.decimals()) {
        ("UGX", _) | (_, 4..) => None,
        ("ISK", _) => Some(2),
        ("MGA", _) => Some(0),
        (_, decimals) => Some(decimals),
    }
}

fn step(currency: Currency) -> u64 {
    match (currency.as_str(), currency.decimals()) {
        ("ISK", _) => 100,
        (_, 3) => 10,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(amount: &str, currency: &str) -> Option<u64> {
        to_units(Amount::parse(amount).unwrap(), Currency::parse(currency).unwrap())
    }

    #[test]
    fn an_amount_is_counted_in_the_smallest_unit() {
        assert_eq!(units("12.50", "EUR"), Some(1_250));
        assert_eq!(units("1500", "JPY"), Some(1_500));
        assert_eq!(units("5.120", "KWD"), Some(5_120));
        assert_eq!(units("40", "ISK"), Some(4_000));
        assert_eq!(units("7", "MGA"), Some(7));
        assert_eq!(units("0", "EUR"), Some(0));
    }

    #[test]
    fn an_amount_that_would_have_to_be_rounded_is_not_taken() {
        for (amount, currency) in [("12.505", "EUR"), ("1500.5", "JPY"), ("5.124", "KWD"), ("7.50", "MGA")] {
            assert_eq!(units(amount, currency), None, "{amount} {currency}");
        }
        assert_eq!(units("5", "UGX"), None);
        assert_eq!(units("1.0000", "CLF"), None);
    }

    #[test]
    fn every_amount_that_is_taken_comes_back_as_it_was() {
        for (amount, currency) in [("12.50", "EUR"), ("1500", "JPY"), ("5.120", "KWD"), ("40", "ISK")] {
            let (amount, currency) = (Amount::parse(amount).unwrap(), Currency::parse(currency).unwrap());
            assert_eq!(
                to_units(amount, currency).and_then(|units| from_units(units, currency)),
                Some(amount)
            );
        }
    }
}
