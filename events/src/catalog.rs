//! `minuet.catalog`: the products, on the compacted topic `catalog.products`.

use serde::{Deserialize, Serialize};

use crate::values::{Amount, Currency, Sku, free_text};

/// What a product is from now on. A null value under its key (a tombstone) never reaches this type: it says
/// that the product is no longer sold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductChanged {
    pub sku: Sku,
    #[serde(with = "free_text")]
    pub name: String,
    pub currency: Currency,
    pub unit_price: Amount,
    pub active: bool,
}
