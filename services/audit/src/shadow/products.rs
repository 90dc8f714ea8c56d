//! The products as they were: of each sku every version that is still on its topic, in the order in which the order service
//! takes them ([`ProductVersion::is_newer_than`]), whatever order they are read in.

use std::collections::HashMap;

use minuet_events::catalog::ProductChanged;
use minuet_events::orders::{OrderPlaced, OrderRejected, OrderSubmitted};
use minuet_events::values::{Amount, Currency, Micros, Sku};
use minuet_order::domain::{Product, ProductVersion, Products};
use uuid::Uuid;

use crate::record::{Head, Position};

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
        let like =
            products.values().next().or_else(|| self.by_event.values().next()).cloned().or_else(some_product);
        let same = |(sku, active): (&Sku, bool)| Some((sku.clone(), Product { active, ..like.clone()? }));
        products.extend(unknown.into_iter().filter_map(same));
        products
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
    ProductVersion { recorded, partition: position.partition.into(), offset: position.offset }
}

/// Where nothing is left of any product.
fn some_product() -> Option<Product> {
    let (currency, unit_price) = (Currency::parse("EUR").ok()?, Amount::parse("1").ok()?);
    Some(Product { name: String::new(), currency, unit_price, active: true, event: Uuid::nil() })
}
