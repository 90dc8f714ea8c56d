//! `minuet.inventory`: reservations per order, levels per (sku, warehouse).
//! Topics `inventory.intake`, `inventory.events`, `inventory.stock`.

use serde::{Deserialize, Serialize};

use crate::values::{
    AdjustmentId, Amount, Currency, Micros, OrderId, PaymentMethod, PaymentToken, Quantity, ReleaseCause,
    Sku, UserId, WarehouseCode, free_text,
};

/// Every line is held, until `expires_at`. Carries what the payment needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryReserved {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub payment_method: PaymentMethod,
    pub currency: Currency,
    pub total: Amount,
    pub expires_at: Micros,
    pub allocations: Vec<Allocation>,
    /// Of the submission.
    #[serde(default)]
    pub payment_token: Option<PaymentToken>,
}

/// So many pieces out of one warehouse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    pub sku: Sku,
    pub warehouse_code: WarehouseCode,
    pub quantity: Quantity,
    /// The stock row's version after this change, dense per (sku, warehouse).
    pub stock_version: i64,
}

/// Not every line is there, so none is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryRejected {
    pub order_id: OrderId,
    pub shortages: Vec<Shortage>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shortage {
    pub sku: Sku,
    pub requested: i64,
    pub available: i64,
}

/// The pieces left the warehouse for the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryConfirmed {
    pub order_id: OrderId,
    pub allocations: Vec<Allocation>,
}

/// The pieces are free again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryReleased {
    pub order_id: OrderId,
    pub allocations: Vec<Allocation>,
    pub cause: ReleaseCause,
    /// They had been confirmed, so they came back into the warehouse.
    pub returned: bool,
}

/// The reservation's time is over. It is itself the release of the stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationExpired {
    pub order_id: OrderId,
    pub allocations: Vec<Allocation>,
}

/// Paid, but the reservation was gone already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryConfirmationFailed {
    pub order_id: OrderId,
    pub reason: String,
}

/// Somebody counted, bought or lost stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockAdjusted {
    pub adjustment_id: AdjustmentId,
    pub sku: Sku,
    pub warehouse_code: WarehouseCode,
    /// Pieces added, or taken away where negative; whoever applies it refuses 0.
    pub delta: i32,
    #[serde(with = "free_text")]
    pub reason: String,
}

/// The level after an adjustment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockLevelChanged {
    pub sku: Sku,
    pub warehouse_code: WarehouseCode,
    pub available: i64,
    pub reserved: i64,
    pub on_hand: i64,
    /// The same counter as `stock_version`.
    pub version: i64,
    pub adjustment_id: AdjustmentId,
}

/// The adjustment would have gone below what is reserved, or makes no sense.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockAdjustmentRejected {
    pub adjustment_id: AdjustmentId,
    pub sku: Sku,
    pub warehouse_code: WarehouseCode,
    pub delta: i32,
    pub reason: String,
}
