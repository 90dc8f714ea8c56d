//! The product view while a batch is decided. A change counts only if it is newer than what the view shows: see
//! [`ProductVersion::is_newer_than`].

use std::collections::{BTreeMap, BTreeSet};

use minuet_events::Envelope;
use minuet_events::catalog::ProductChanged;
use minuet_events::values::{Micros, Sku};
use minuet_messaging::Incoming;

use crate::domain::{Product, ProductVersion, Products};

#[derive(Clone, Debug)]
pub(crate) struct ProductRow {
    pub(crate) sku: Sku,
    pub(crate) product: Product,
    pub(crate) event_time: Micros,
    pub(crate) version: ProductVersion,
}

#[derive(Debug, Default)]
pub(crate) struct ProductView {
    known: Products,
    sources: BTreeMap<Sku, (Micros, ProductVersion)>,
}

impl ProductView {
    pub(crate) fn insert(&mut self, row: ProductRow) {
        self.sources.insert(row.sku.clone(), (row.event_time, row.version));
        self.known.insert(row.sku, row.product);
    }

    pub(crate) fn known(&self) -> &Products {
        &self.known
    }

    /// False: the view shows something newer already.
    pub(crate) fn apply(
        &mut self,
        changed: &ProductChanged,
        envelope: &Envelope,
        incoming: &Incoming,
    ) -> bool {
        let version = version_of(incoming);
        if self.sources.get(&changed.sku).is_some_and(|(_, shown)| !version.is_newer_than(shown)) {
            return false;
        }
        let product = Product {
            name: changed.name.clone(),
            currency: changed.currency,
            unit_price: changed.unit_price,
            active: changed.active,
            event: envelope.id,
        };
        let event_time = envelope.time;
        self.insert(ProductRow { sku: changed.sku.clone(), product, event_time, version });
        true
    }

    /// A null value: the product is no longer for sale. One that was never known stays unknown.
    pub(crate) fn erase(&mut self, key: &str, incoming: &Incoming) -> Option<Sku> {
        let sku = Sku::parse(key).ok()?;
        let (_, shown) = self.sources.get_mut(&sku)?;
        let version = version_of(incoming);
        if !version.is_newer_than(shown) {
            return None;
        }
        *shown = version;
        self.known.get_mut(&sku)?.active = false;
        Some(sku)
    }

    pub(crate) fn rows(&self, skus: &BTreeSet<Sku>) -> Vec<ProductRow> {
        let row = |sku: &Sku| {
            let (event_time, version) = self.sources.get(sku).copied()?;
            let product = self.known.get(sku)?.clone();
            Some(ProductRow { sku: sku.clone(), product, event_time, version })
        };
        skus.iter().filter_map(row).collect()
    }
}

fn version_of(incoming: &Incoming) -> ProductVersion {
    let position = &incoming.position;
    ProductVersion {
        recorded: incoming.timestamp,
        topic: incoming.topic_id,
        partition: position.partition,
        offset: position.offset,
    }
}
