//! Prices, reckoned once more in whole ten-thousandths.

use std::collections::BTreeSet;

use minuet_events::orders::{OrderSubmitted, SubmittedLine};
use minuet_events::values::{Amount, Quantity};
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::samples::{currency, order_of, sku};
use crate::domain::{Product, Products, price};

/// Of the last one nobody has ever heard.
const SKUS: [&str; 6] = ["ale", "gum", "milk", "sake", "tea", "snow"];
const MOST: i128 = 9_999_999_999_999_999_999;

fn amount(unscaled: i128) -> Amount {
    Amount::new(Decimal::from_i128_with_scale(unscaled, 4)).unwrap()
}

/// Free, dear, and so dear that a few pieces of it do not fit.
fn unit_price() -> impl Strategy<Value = i128> {
    prop_oneof![1 => Just(0), 6 => 1..1_000_000_i128, 1 => (MOST / 20_000)..=MOST]
}

fn product() -> impl Strategy<Value = Product> {
    let paid_in = prop_oneof![8 => Just("CLF"), 2 => Just("EUR"), 2 => Just("KWD"), 1 => Just("JPY")];
    (unit_price(), paid_in, proptest::bool::weighted(0.9)).prop_map(|(unit_price, paid_in, active)| Product {
        name: "a name".to_owned(),
        currency: currency(paid_in),
        unit_price: amount(unit_price),
        active,
        event: Uuid::from_u128(unit_price.unsigned_abs()),
    })
}

fn products() -> impl Strategy<Value = Products> {
    proptest::collection::vec(product(), SKUS.len() - 1)
        .prop_map(|products| SKUS.map(sku).into_iter().zip(products).collect())
}

fn submission() -> impl Strategy<Value = OrderSubmitted> {
    let quantity = prop_oneof![4 => 1..20_u32, 1 => 1..=Quantity::MAX];
    let line = (proptest::sample::select(&SKUS[..]), quantity);
    // Rarely twice the same: else hardly any order would be good.
    let few = proptest::collection::btree_map(line.0.clone(), line.1.clone(), 0..4);
    let few = few.prop_map(|lines| lines.into_iter().collect::<Vec<_>>()).prop_shuffle();
    let any = proptest::collection::vec(line, 0..7);
    prop_oneof![3 => few, 1 => any].prop_map(|lines| order_of(&lines))
}

/// A price has no more decimals than its currency.
fn is_for_sale(product: &Product) -> bool {
    let unfit = 10_i128.pow(4 - product.currency.decimals());
    product.active && product.unit_price.get().mantissa() % unfit == 0
}

/// The subtotal of a line that stands alone, or the code of what is wrong with it.
fn reckoned(line: &SubmittedLine, products: &Products) -> Result<i128, &'static str> {
    let product = products.get(&line.sku).ok_or("unknown_product")?;
    let subtotal = product.unit_price.get().mantissa() * i128::from(line.quantity.get());
    match (is_for_sale(product), subtotal <= MOST) {
        (false, _) => Err("inactive_product"),
        (true, false) => Err("total_too_large"),
        (true, true) => Ok(subtotal),
    }
}

/// Of each line its subtotal, or what is wrong with it.
fn all(submitted: &OrderSubmitted, products: &Products) -> Vec<Result<i128, (&'static str, String)>> {
    let mut seen = BTreeSet::new();
    let line = |line: &SubmittedLine| {
        let first = seen.insert(line.sku.clone());
        let reckoned = if first { reckoned(line, products) } else { Err("duplicate_sku") };
        reckoned.map_err(|code| (code, line.sku.to_string()))
    };
    submitted.lines.iter().map(line).collect()
}

proptest! {
    #[test]
    fn a_total_is_the_sum_of_exact_subtotals(submitted in submission(), products in products()) {
        let Ok(placed) = price(&submitted, &products) else { return Ok(()) };
        let unscaled = |amount: Amount| amount.get().mantissa() * 10_i128.pow(4 - amount.get().scale());
        let subtotals: Vec<i128> = placed.lines.iter().map(|line| unscaled(line.subtotal)).collect();
        prop_assert_eq!(unscaled(placed.total), subtotals.iter().sum());
        prop_assert!((1..=MOST).contains(&unscaled(placed.total)));
        let reckoned: Result<Vec<i128>, _> = all(&submitted, &products).into_iter().collect();
        prop_assert_eq!(reckoned, Ok(subtotals));

        prop_assert_eq!(placed.lines.len(), submitted.lines.len());
        for (line, asked) in placed.lines.iter().zip(&submitted.lines) {
            prop_assert_eq!((&line.sku, line.quantity), (&asked.sku, asked.quantity));
            let product = &products[&line.sku];
            prop_assert!(is_for_sale(product));
            prop_assert!(line.subtotal.fits(placed.currency));
            prop_assert_eq!(placed.currency, product.currency);
            prop_assert_eq!((line.unit_price, line.product_event), (product.unit_price, product.event));
        }
        prop_assert!(placed.total.fits(placed.currency));
        prop_assert_eq!(placed.order_id, submitted.order_id);
    }

    /// Each bad line is named, in the order of the lines; what is wrong with the whole is said once, at the end.
    #[test]
    fn every_bad_line_is_listed(submitted in submission(), products in products()) {
        let Err(problems) = price(&submitted, &products) else { return Ok(()) };
        prop_assert!(!problems.is_empty());
        let named: Vec<(&str, String)> =
            problems.iter().filter_map(|p| Some((p.code.as_str(), p.sku.as_ref()?.to_string()))).collect();
        let lines = all(&submitted, &products);
        prop_assert_eq!(named, lines.iter().filter_map(|line| line.clone().err()).collect::<Vec<_>>());

        let whole: Vec<&str> =
            problems.iter().filter(|problem| problem.sku.is_none()).map(|problem| &*problem.code).collect();
        let bought = submitted.lines.iter().filter_map(|line| products.get(&line.sku)).filter(|p| is_for_sale(p));
        let currencies: BTreeSet<_> = bought.map(|product| product.currency).collect();
        let sum: Result<i128, _> = lines.iter().cloned().sum();
        let expected = match (submitted.lines.is_empty(), currencies.len() > 1, sum) {
            (true, _, _) => vec!["no_lines"],
            (false, true, _) => vec!["mixed_currencies"],
            (false, false, Ok(0)) => vec!["total_zero"],
            (false, false, Ok(_)) => vec!["total_too_large"],
            (false, false, Err(_)) => vec![],
        };
        prop_assert_eq!(whole, expected);
    }

    #[test]
    fn nothing_is_refused_that_could_be_sold(submitted in submission(), products in products()) {
        let sum: Result<i128, _> = all(&submitted, &products).into_iter().sum();
        let paid_in = |line: &SubmittedLine| products.get(&line.sku).map(|product| product.currency);
        let currencies: BTreeSet<_> = submitted.lines.iter().map(paid_in).collect();
        let good = currencies.len() == 1 && sum.is_ok_and(|sum| (1..=MOST).contains(&sum));
        prop_assert_eq!(price(&submitted, &products).is_ok(), good);
    }
}
