//! From a submission and the product view to a priced order, or to every reason why not.

use minuet_events::orders::{ExpectedTotal, OrderSubmitted, Problem};

use super::samples::*;
use crate::domain::{Product, Products, price};

fn products<const N: usize>(products: [(&str, &str, &str); N]) -> Products {
    products.map(|(code, unit_price, paid_in)| product(code, unit_price, paid_in)).into()
}

/// `[total, subtotal of the first line, ...]`
#[track_caller]
fn priced(lines: &[(&str, u32)], products: &Products) -> Vec<String> {
    let placed = price(&order_of(lines), products).unwrap();
    let subtotals = placed.lines.iter().map(|line| line.subtotal.to_string());
    std::iter::once(placed.total.to_string()).chain(subtotals).collect()
}

/// `code of the sku`, or the code alone.
#[track_caller]
fn problems(lines: &[(&str, u32)], products: &Products) -> Vec<String> {
    let problems = price(&order_of(lines), products).unwrap_err();
    assert!(problems.iter().all(|problem| !problem.detail.is_empty()), "{problems:?}");
    let shown =
        |code: String, of: Option<String>| of.map_or_else(|| code.clone(), |of| format!("{code} of {of}"));
    problems.into_iter().map(|p| shown(p.code, p.sku.map(|sku| sku.to_string()))).collect()
}

#[test]
fn a_line_carries_what_the_view_said_and_which_event_said_it() {
    let placed = price(&order_of(&[("tea", 2)]), &catalogue()).unwrap();
    assert_eq!(minuet_events::Event::from(placed), order_placed());
}

#[test]
fn lines_stay_in_the_order_in_which_they_were_submitted() {
    let shop = products([("a", "1", "EUR"), ("b", "2", "EUR"), ("c", "3", "EUR")]);
    assert_eq!(priced(&[("c", 1), ("a", 1), ("b", 5)], &shop), ["14.00", "3.00", "1.00", "10.00"]);
}

#[test]
fn sums_are_exact() {
    let shop = products([("dime", "0.1", "CLF"), ("fine", "0.0001", "CLF"), ("odd", "19.9999", "CLF")]);
    assert_eq!(priced(&[("dime", 3)], &shop), ["0.30", "0.30"]);
    assert_eq!(priced(&[("fine", 3)], &shop), ["0.0003", "0.0003"]);
    assert_eq!(priced(&[("odd", 7), ("fine", 7)], &shop), ["140.00", "139.9993", "0.0007"]);
    assert_eq!(priced(&[("odd", 10_000)], &shop), ["199999.00", "199999.00"]);
}

#[test]
fn equal_totals_are_equal_whatever_way_they_came() {
    let shop = products([("half", "0.5", "EUR"), ("one", "1.0000", "EUR")]);
    let total = |lines: &[(&str, u32)]| price(&order_of(lines), &shop).unwrap().total;
    assert_eq!(total(&[("half", 2)]), total(&[("one", 1)]));
}

#[test]
fn a_currency_without_cents_is_a_currency() {
    let placed = price(&order_of(&[("sake", 3)]), &products([("sake", "1500", "JPY")])).unwrap();
    assert_eq!((placed.currency, placed.total), (currency("JPY"), amount("4500")));
}

#[test]
fn what_is_unknown_or_not_for_sale_is_refused() {
    let mut shop = products([("tea", "12.50", "EUR"), ("fax", "99", "EUR")]);
    let (gone, fax) = (sku("fax"), shop[&sku("fax")].clone());
    shop.insert(gone, Product { active: false, ..fax });
    assert_eq!(problems(&[("snow", 1)], &shop), ["unknown_product of snow"]);
    assert_eq!(problems(&[("fax", 1)], &shop), ["inactive_product of fax"]);
}

/// Between the customer's look at the total and the order.
#[test]
fn an_order_that_costs_anything_but_the_expected_total_is_rejected() {
    let shop = products([("tea", "12.50", "EUR"), ("sake", "1500", "JPY")]);
    let expecting = |lines: &[(&str, u32)], total: &str, paid_in: &str| {
        let expected = ExpectedTotal { amount: amount(total), currency: currency(paid_in) };
        price(&OrderSubmitted { expected_total: Some(expected), ..order_of(lines) }, &shop)
    };
    for same in ["25", "25.00", "25.0000"] {
        assert_eq!(expecting(&[("tea", 2)], same, "EUR").map(|placed| placed.total), Ok(amount("25")));
    }
    for (total, paid_in, said) in [
        ("24.99", "EUR", "the order costs EUR 25.00, not EUR 24.99"),
        ("27.5", "EUR", "the order costs EUR 25.00, not EUR 27.50"),
        ("25", "USD", "the order costs EUR 25.00, not USD 25.00"),
        ("0", "EUR", "the order costs EUR 25.00, not EUR 0.00"),
        ("25", "JPY", "the order costs EUR 25.00, not JPY 25"),
    ] {
        let problems = expecting(&[("tea", 2)], total, paid_in).unwrap_err();
        let expected_total = Some(ExpectedTotal { amount: amount(total), currency: currency(paid_in) });
        let (currency, total) = (Some(currency("EUR")), Some(amount("25")));
        let told = Problem { expected_total, currency, total, ..problem("price_changed", None, said) };
        assert_eq!(problems, [told]);
    }
    // What cannot be ordered at all has no price that could have changed.
    let codes = |lines: &[(&str, u32)]| -> Vec<String> {
        expecting(lines, "1", "EUR").unwrap_err().into_iter().map(|problem| problem.code).collect()
    };
    assert_eq!(codes(&[("tea", 1), ("snow", 1)]), ["unknown_product"]);
    assert_eq!(codes(&[("tea", 1), ("sake", 1)]), ["mixed_currencies"]);
}

/// Prices of an earlier release, or written by hand.
#[test]
fn a_price_that_does_not_fit_its_currency_is_charged_to_nobody() {
    let shop = products([
        ("sake", "100.5", "JPY"),
        ("screw", "0.005", "EUR"),
        ("oil", "1.2345", "KWD"),
        ("tea", "1", "JPY"),
    ]);
    for odd in ["sake", "screw", "oil"] {
        assert_eq!(problems(&[(odd, 2)], &shop), [format!("inactive_product of {odd}")]);
    }
    let detail = |lines: &[(&str, u32)]| price(&order_of(lines), &shop).unwrap_err()[0].detail.clone();
    let said = "sake is not for sale: unit_price takes no decimals in this currency, not 100.5 JPY";
    assert_eq!(detail(&[("tea", 1), ("sake", 2)]), said);
}

#[test]
fn a_sku_stands_in_one_line_only() {
    let shop = products([("tea", "1", "EUR"), ("milk", "1", "EUR")]);
    assert_eq!(problems(&[("tea", 1), ("milk", 1), ("tea", 1)], &shop), ["duplicate_sku of tea"]);
    let lines = [("tea", 1), ("tea", 2), ("tea", 3)];
    assert_eq!(problems(&lines, &shop), ["duplicate_sku of tea", "duplicate_sku of tea"]);
    assert_eq!(
        problems(&[("snow", 1), ("snow", 1)], &shop),
        ["unknown_product of snow", "duplicate_sku of snow"]
    );
}

#[test]
fn an_order_takes_one_currency() {
    let mut shop = products([("tea", "1", "EUR"), ("ale", "1", "GBP"), ("gum", "1", "USD")]);
    assert_eq!(problems(&[("tea", 1), ("ale", 1)], &shop), ["mixed_currencies"]);
    assert_eq!(problems(&[("tea", 1), ("ale", 1), ("gum", 1)], &shop), ["mixed_currencies"]);
    // What cannot be bought anyway is in nobody's way.
    if let Some(ale) = shop.get_mut(&sku("ale")) {
        ale.active = false;
    }
    assert_eq!(problems(&[("tea", 1), ("ale", 1)], &shop), ["inactive_product of ale"]);
}

#[test]
fn every_problem_is_listed_in_the_order_of_the_lines() {
    let mut shop = products([("tea", "1", "EUR"), ("ale", "1", "GBP"), ("fax", "1", "EUR")]);
    if let Some(fax) = shop.get_mut(&sku("fax")) {
        fax.active = false;
    }
    let lines = [("snow", 1), ("tea", 1), ("fax", 1), ("tea", 1), ("ale", 1)];
    let listed =
        ["unknown_product of snow", "inactive_product of fax", "duplicate_sku of tea", "mixed_currencies"];
    assert_eq!(problems(&lines, &shop), listed);
}

#[test]
fn a_total_of_nothing_is_refused_but_a_gift_beside_others_is_not() {
    let shop = products([("gift", "0", "EUR"), ("card", "0.0000", "EUR"), ("tea", "1", "EUR")]);
    assert_eq!(problems(&[("gift", 10_000), ("card", 1)], &shop), ["total_zero"]);
    assert_eq!(priced(&[("gift", 1), ("tea", 1)], &shop), ["1.00", "0.00", "1.00"]);
}

#[test]
fn a_total_may_take_fifteen_digits_and_no_more() {
    let shop = products([
        ("isle", "999999999999999.9999", "CLF"),
        ("mite", "0.0001", "CLF"),
        ("half", "500000000000000", "CLF"),
    ]);
    assert_eq!(priced(&[("isle", 1)], &shop), ["999999999999999.9999", "999999999999999.9999"]);
    assert_eq!(problems(&[("isle", 1), ("mite", 1)], &shop), ["total_too_large"]);
    assert_eq!(problems(&[("isle", 2)], &shop), ["total_too_large of isle"]);
    assert_eq!(problems(&[("half", 2)], &shop), ["total_too_large of half"]);
    assert_eq!(
        problems(&[("half", 10_000), ("snow", 1)], &shop),
        ["total_too_large of half", "unknown_product of snow"]
    );
}

#[test]
fn an_order_has_one_to_a_hundred_lines() {
    let codes: Vec<String> = (0..101).map(|n| format!("sku-{n}")).collect();
    let shop: Products = codes.iter().map(|code| product(code, "0.01", "EUR")).collect();
    let lines: Vec<(&str, u32)> = codes.iter().map(|code| (code.as_str(), 1)).collect();
    assert_eq!(problems(&[], &shop), ["no_lines"]);
    assert_eq!(priced(&lines[..100], &shop)[0], "1.00");
    assert_eq!(problems(&lines, &shop), ["too_many_lines"]);
}

#[test]
fn too_many_lines_are_not_even_looked_at() {
    let lines = vec![("snow", 1); 101];
    assert_eq!(problems(&lines, &Products::new()), ["too_many_lines"]);
}
