use std::collections::{BTreeMap, BTreeSet};

use minuet_events::orders::{ExpectedTotal, OrderPlaced, OrderSubmitted, PlacedLine, Problem};
use minuet_events::values::{Amount, Currency, Sku};
use uuid::Uuid;

/// A product as the order service knows it, with the event that said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub name: String,
    pub currency: Currency,
    pub unit_price: Amount,
    pub active: bool,
    /// The `ce_id` of the ProductChanged.
    pub event: Uuid,
}

impl Product {
    /// Why the product cannot be ordered. `None`: it can. A price that does not fit its currency is charged to nobody: such
    /// prices are refused today, but may have been stored before.
    pub fn not_for_sale(&self, sku: &Sku) -> Option<String> {
        if !self.active {
            return Some(format!("{sku} is not for sale"));
        }
        let unfit = self.unit_price.check_fits("unit_price", self.currency).err()?;
        Some(format!("{sku} is not for sale: {unfit}"))
    }
}

pub type Products = BTreeMap<Sku, Product>;

/// Prices every line, or names every problem. A sku may stand in one line only: two lines of one sku are refused, since
/// merging them would silently give another order than the one that was submitted.
pub fn price(submitted: &OrderSubmitted, products: &Products) -> Result<OrderPlaced, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut lines = Vec::with_capacity(submitted.lines.len());
    let mut seen = BTreeSet::new();
    let mut currencies = BTreeSet::new();
    if submitted.lines.is_empty() {
        problems.push(problem("no_lines", None, "an order takes at least one line".to_owned()));
    }
    if submitted.lines.len() > OrderSubmitted::MAX_LINES {
        let (most, given) = (OrderSubmitted::MAX_LINES, submitted.lines.len());
        let detail = format!("an order takes at most {most} lines, not {given}");
        return Err(vec![problem("too_many_lines", None, detail)]);
    }
    for line in &submitted.lines {
        let sku = &line.sku;
        if !seen.insert(sku) {
            problems.push(problem("duplicate_sku", Some(sku), format!("{sku} stands in more than one line")));
            continue;
        }
        let Some(product) = products.get(sku) else {
            problems.push(problem("unknown_product", Some(sku), format!("there is no product {sku}")));
            continue;
        };
        if let Some(detail) = product.not_for_sale(sku) {
            problems.push(problem("inactive_product", Some(sku), detail));
            continue;
        }
        currencies.insert(product.currency);
        let Some(subtotal) = product.unit_price.times(line.quantity) else {
            problems.push(problem("total_too_large", Some(sku), format!("the price of {sku} does not fit")));
            continue;
        };
        lines.push(PlacedLine {
            sku: sku.clone(),
            name: product.name.clone(),
            unit_price: product.unit_price,
            quantity: line.quantity,
            subtotal,
            product_event: product.event,
        });
    }
    let total = lines.iter().try_fold(Amount::default(), |sum, line| sum.checked_add(line.subtotal));
    let mut currencies = currencies.into_iter();
    match (problems.is_empty(), currencies.next(), currencies.next(), total) {
        (true, Some(_), None, Some(total)) if total.get().is_zero() => {
            problems.push(problem("total_zero", None, "an order's total is more than 0".to_owned()));
        }
        (true, Some(currency), None, Some(total)) => {
            if let Some(expected) = submitted
                .expected_total
                .filter(|expected| (expected.amount, expected.currency) != (total, currency))
            {
                return Err(vec![price_changed(expected, ExpectedTotal { amount: total, currency })]);
            }
            return Ok(OrderPlaced {
                order_id: submitted.order_id,
                user_id: submitted.user_id.clone(),
                payment_method: submitted.payment_method,
                currency,
                total,
                lines,
                payment_token: submitted.payment_token.clone(),
            });
        }
        (true, Some(_), None, _) => {
            problems.push(problem(
                "total_too_large",
                None,
                "the total does not fit 15 digits before the point".to_owned(),
            ));
        }
        (_, Some(one), Some(other), _) => {
            let detail = format!("one order takes one currency, not {one} and {other}");
            problems.push(problem("mixed_currencies", None, detail));
        }
        (true, None, _, _) | (false, _, _, _) => {}
    }
    Err(problems)
}

fn problem(code: &str, sku: Option<&Sku>, detail: String) -> Problem {
    Problem::new(code, sku.cloned(), detail)
}

fn price_changed(expected: ExpectedTotal, actual: ExpectedTotal) -> Problem {
    Problem {
        expected_total: Some(expected),
        currency: Some(actual.currency),
        total: Some(actual.amount),
        ..problem("price_changed", None, format!("the order costs {actual}, not {expected}"))
    }
}
