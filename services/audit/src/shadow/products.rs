//! The products as they were: of each sku every version that is still on its topic, in the order in which the order service
//! takes them ([`ProductVersion::is_newer_than`]), whatever order they are read in.

use std::collections::HashMap;

use minuet_events::catalog::ProductChanged;
use minuet_events::orders::{OrderPlaced, OrderRejected, OrderSubmitted, SubmittedLine};
use minuet_events::values::{Amount, Currency, Micros, Quantity, Sku};
use minuet_order::domain::{Product, ProductVersion, Products};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::record::{Head, Position};

/// Versions of one product that are looked at to find what an order cost, and choices that are tried.
const NEAREST: usize = 8;
const TRIED: u32 = 10_000;

#[derive(Debug, Default)]
pub(super) struct ProductHistory {
    versions: HashMap<Sku, Vec<(ProductVersion, Product)>>,
    by_event: HashMap<Uuid, Product>,
}

impl ProductHistory {
    pub(super) fn changed(&mut self, changed: &ProductChanged, head: &Head) {
        let ProductChanged { name, currency, unit_price, active, sku } = changed;
        let product = Product {
            name: name.clone(),
            currency: *currency,
            unit_price: *unit_price,
            active: *active,
            event: head.id,
        };
        self.by_event.insert(head.id, product.clone());
        self.add(sku.clone(), version(head.position, head.recorded), product);
    }

    /// A null value: not for sale any more.
    pub(super) fn erased(&mut self, sku: &Sku, position: Position, recorded: Micros) {
        let version = version(position, recorded);
        let before = |versions: &Vec<(ProductVersion, Product)>| {
            versions.iter().rev().find(|(shown, _)| version.is_newer_than(shown)).cloned()
        };
        if let Some((_, product)) = self.versions.get(sku).and_then(before) {
            self.add(sku.clone(), version, Product { active: false, ..product });
        }
    }

    fn add(&mut self, sku: Sku, version: ProductVersion, product: Product) {
        let versions = self.versions.entry(sku).or_default();
        let newer = versions.iter().rev().take_while(|(other, _)| other.is_newer_than(&version)).count();
        versions.insert(versions.len() - newer, (version, product));
    }

    /// The prices that were used: of the ProductChanged that each line names. Where compaction took that, the line's own,
    /// which proves nothing about the price, only about the rest; `unproven` counts those.
    pub(super) fn of_placed(&self, placed: &OrderPlaced, unproven: &mut u64) -> Products {
        let product = |line: &minuet_events::orders::PlacedLine| {
            let known = self.by_event.get(&line.product_event).cloned();
            let product = known.unwrap_or_else(|| {
                *unproven += 1;
                Product {
                    name: line.name.clone(),
                    currency: placed.currency,
                    unit_price: line.unit_price,
                    active: true,
                    event: line.product_event,
                }
            });
            (line.sku.clone(), product)
        };
        placed.lines.iter().map(product).collect()
    }

    /// The record names no product events of a rejection: it says which products were unknown or not for sale, and the
    /// others are taken as they were then.
    pub(super) fn of_rejected(
        &self,
        submitted: &OrderSubmitted,
        rejected: &OrderRejected,
        at: Micros,
        unproven: &mut u64,
    ) -> Products {
        let changed = rejected.problems.iter().find(|problem| problem.code == "price_changed");
        if let Some((currency, total)) = changed.and_then(|problem| problem.currency.zip(problem.total)) {
            return self.costing(submitted, currency, total, at).unwrap_or_else(|| {
                *unproven += 1;
                made_up(submitted, currency, total)
            });
        }
        let told = |sku: &Sku, code: &str| {
            rejected.problems.iter().find(|problem| problem.code == code && problem.sku.as_ref() == Some(sku))
        };
        let (mut products, mut unknown) = (Products::new(), Vec::new());
        for line in &submitted.lines {
            let sku = &line.sku;
            if told(sku, "unknown_product").is_some() {
                continue;
            }
            let not_for_sale = told(sku, "inactive_product").map(|problem| problem.detail.clone());
            match self.then(sku, at, |product| product.not_for_sale(sku) == not_for_sale) {
                Some(product) => drop(products.insert(sku.clone(), product)),
                None => unknown.push((sku, not_for_sale.is_none())),
            }
        }
        // That it was known is all there is to say about a product whose events are gone.
        *unproven += unknown.len() as u64;
        let mut likely = products.values().chain(self.by_event.values());
        let like =
            likely.find(|product| product.unit_price.fits(product.currency)).cloned().or_else(some_product);
        let same = |(sku, active): (&Sku, bool)| Some((sku.clone(), Product { active, ..like.clone()? }));
        products.extend(unknown.into_iter().filter_map(same));
        products
    }

    /// The versions, as near to then as possible, at which the order costs just that.
    fn costing(
        &self,
        submitted: &OrderSubmitted,
        currency: Currency,
        total: Amount,
        at: Micros,
    ) -> Option<Products> {
        let versions = |line: &SubmittedLine| -> Option<(Quantity, Vec<&Product>)> {
            let meant = |(_, product): &&(ProductVersion, Product)| {
                product.currency == currency && product.not_for_sale(&line.sku).is_none()
            };
            let versions = self.versions.get(&line.sku)?;
            let before = versions.iter().rev().filter(meant).filter(|(version, _)| version.recorded <= at);
            let after = versions.iter().filter(meant).filter(|(version, _)| version.recorded > at);
            Some((line.quantity, before.chain(after).take(NEAREST).map(|(_, product)| product).collect()))
        };
        let lines: Vec<_> = submitted.lines.iter().map(versions).collect::<Option<_>>()?;
        let chosen = choose(&lines, total.get(), &mut { TRIED })?;
        Some(submitted.lines.iter().map(|line| line.sku.clone()).zip(chosen.into_iter().cloned()).collect())
    }

    pub(super) fn of_submitted(&self, submitted: &OrderSubmitted, at: Micros) -> Products {
        let lines = submitted.lines.iter();
        lines.filter_map(|line| Some((line.sku.clone(), self.then(&line.sku, at, |_| true)?))).collect()
    }

    /// The newest version of then, or else the nearest one, that is as it was.
    fn then(&self, sku: &Sku, at: Micros, was: impl Fn(&Product) -> bool) -> Option<Product> {
        let meant = |(_, product): &&(ProductVersion, Product)| was(product);
        let versions = self.versions.get(sku)?;
        let before = versions.iter().rev().filter(meant).find(|(version, _)| version.recorded <= at);
        before.or_else(|| versions.iter().find(meant)).map(|(_, product)| product.clone())
    }
}

fn version(position: Position, recorded: Micros) -> ProductVersion {
    ProductVersion {
        recorded,
        topic: Uuid::nil(),
        partition: position.partition.into(),
        offset: position.offset,
    }
}

/// One product version for each line, so that all lines together cost the rest of the total. Earlier versions in a list are preferred.
fn choose<'a>(
    lines: &[(Quantity, Vec<&'a Product>)],
    left: Decimal,
    tries: &mut u32,
) -> Option<Vec<&'a Product>> {
    let Some(((quantity, versions), others)) = lines.split_first() else {
        return left.is_zero().then(Vec::new);
    };
    for version in versions {
        *tries = tries.checked_sub(1)?;
        let subtotal = version.unit_price.times(*quantity)?.get();
        if subtotal <= left
            && let Some(mut chosen) = choose(others, left - subtotal, tries)
        {
            chosen.insert(0, version);
            return Some(chosen);
        }
    }
    None
}

/// Compaction took the versions: one line costs all of it.
fn made_up(submitted: &OrderSubmitted, currency: Currency, total: Amount) -> Products {
    let all_of_it = |line: &SubmittedLine| {
        let price = Amount::new(total.get() / Decimal::from(line.quantity.get())).ok()?;
        (price.fits(currency) && price.times(line.quantity) == Some(total)).then_some(price)
    };
    let dear = submitted.lines.iter().position(|line| all_of_it(line).is_some());
    let product = |(at, line): (usize, &SubmittedLine)| {
        let unit_price = if Some(at) == dear { all_of_it(line) } else { None }.unwrap_or_default();
        let product = Product { name: String::new(), currency, unit_price, active: true, event: Uuid::nil() };
        (line.sku.clone(), product)
    };
    submitted.lines.iter().enumerate().map(product).collect()
}

/// Where nothing is left of any product.
fn some_product() -> Option<Product> {
    let (currency, unit_price) = (Currency::parse("EUR").ok()?, Amount::parse("1").ok()?);
    Some(Product { name: String::new(), currency, unit_price, active: true, event: Uuid::nil() })
}
