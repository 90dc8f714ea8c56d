//! The product view while a batch is decided. A change counts only if it is newer than what the view shows: newer by its
//! offset within one partition, by its time across partitions (a stranger's partitioner may have moved the key).

use std::collections::{BTreeMap, BTreeSet};

use minuet_events::Envelope;
use minuet_events::catalog::ProductChanged;
use minuet_events::values::{Micros, Sku};
use minuet_messaging::Position;

use crate::domain::{Product, Products};

#[derive(Clone, Debug)]
pub(crate) struct ProductRow {
    pub(crate) sku: Sku,
    pub(crate) product: Product,
    pub(crate) event_time: Micros,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

#[derive(Debug, Default)]
pub(crate) struct ProductView {
    known: Products,
    sources: BTreeMap<Sku, (Micros, i32, i64)>,
}

impl ProductView {
    pub(crate) fn insert(&mut self, row: ProductRow) {
        self.sources.insert(row.sku.clone(), (row.event_time, row.partition, row.offset));
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
        position: &Position,
    ) -> bool {
        if !self.is_newer(&changed.sku, envelope.time, position) {
            return false;
        }
        let product = Product {
            name: changed.name.clone(),
            currency: changed.currency,
            unit_price: changed.unit_price,
            active: changed.active,
            event: envelope.id,
        };
        self.insert(ProductRow {
            sku: changed.sku.clone(),
            product,
            event_time: envelope.time,
            partition: position.partition,
            offset: position.offset,
        });
        true
    }

    /// A null value: the product is no longer for sale. One that was never known stays unknown.
    pub(crate) fn erase(&mut self, key: &str, position: &Position) -> Option<Sku> {
        let sku = Sku::parse(key).ok()?;
        let (time, partition, offset) = self.sources.get(&sku).copied()?;
        if partition == position.partition && position.offset <= offset {
            return None;
        }
        self.known.get_mut(&sku)?.active = false;
        self.sources.insert(sku.clone(), (time, position.partition, position.offset));
        Some(sku)
    }

    fn is_newer(&self, sku: &Sku, time: Micros, position: &Position) -> bool {
        match self.sources.get(sku) {
            None => true,
            Some((_, partition, offset)) if *partition == position.partition => position.offset > *offset,
            Some((shown, _, _)) => time >= *shown,
        }
    }

    pub(crate) fn rows(&self, skus: &BTreeSet<Sku>) -> Vec<ProductRow> {
        let row = |sku: &Sku| {
            let (event_time, partition, offset) = self.sources.get(sku).copied()?;
            let product = self.known.get(sku)?.clone();
            Some(ProductRow { sku: sku.clone(), product, event_time, partition, offset })
        };
        skus.iter().filter_map(row).collect()
    }
}
