//! An order of three packs of tea, which come out of two warehouses, and one of milk; and what may happen to it.

use minuet_events::Event;
use minuet_events::inventory::{
    Allocation, InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, InventoryReleased,
    InventoryReserved, ReservationExpired, Shortage,
};
use minuet_events::orders::{OrderCancelled, OrderPlaced, PlacedLine};
use minuet_events::payments::{PaymentFailed, PaymentRefunded, PaymentSucceeded};
use minuet_events::values::{
    Amount, CancellationReason, Currency, Micros, OrderId, PaymentId, PaymentMethod, Quantity, RefundId, Sku,
    UserId, WarehouseCode,
};
use uuid::Uuid;

use crate::domain::{Held, HeldLine, Level, Reservation, Stock};

pub(super) const ORDER: OrderId = OrderId::new(Uuid::from_u128(1));
pub(super) const EXPIRES_AT: Micros = Micros(900_000_000);
/// Of every shelf, before anything happens.
pub(super) const VERSION: i64 = 7;

const PAYMENT: PaymentId = PaymentId::new(Uuid::from_u128(2));
const LINES: [(&str, u32); 2] = [("tea", 3), ("milk", 1)];
const HELD: [(&str, &str, u32); 3] = [("tea", "north", 2), ("tea", "south", 1), ("milk", "north", 1)];

pub(super) fn sku(code: &str) -> Sku {
    Sku::parse(code).unwrap()
}

pub(super) fn warehouse(code: &str) -> WarehouseCode {
    WarehouseCode::parse(code).unwrap()
}

pub(super) fn quantity(pieces: u32) -> Quantity {
    Quantity::new(pieces).unwrap()
}

/// `(sku, warehouse, available, reserved)`
pub(super) fn stock_of<const N: usize>(shelves: [(&str, &str, i64, i64); N]) -> Stock {
    let shelf = |(code, at, available, reserved): (&str, &str, i64, i64)| {
        let level = Level { available, reserved, on_hand: available + reserved, version: VERSION };
        ((sku(code), warehouse(at)), level)
    };
    shelves.map(shelf).into()
}

pub(super) fn free() -> Stock {
    stock_of([("tea", "north", 2, 0), ("tea", "south", 1, 0), ("milk", "north", 5, 0)])
}

pub(super) fn too_little() -> Stock {
    stock_of([("tea", "north", 2, 0), ("milk", "north", 0, 5)])
}

/// What the order holds is still in the house.
pub(super) fn held_back() -> Stock {
    stock_of([("tea", "north", 0, 2), ("tea", "south", 0, 1), ("milk", "north", 4, 1)])
}

/// It has left the house.
pub(super) fn gone() -> Stock {
    stock_of([("tea", "north", 0, 0), ("tea", "south", 0, 0), ("milk", "north", 4, 0)])
}

fn held() -> Held {
    let line = |(code, at, pieces)| HeldLine {
        sku: sku(code),
        warehouse_code: warehouse(at),
        quantity: quantity(pieces),
    };
    Held { lines: HELD.map(line).into(), expires_at: EXPIRES_AT }
}

pub(super) fn unknown() -> Reservation {
    Reservation::Unknown
}

pub(super) fn reserved() -> Reservation {
    Reservation::Reserved(held())
}

pub(super) fn confirmed() -> Reservation {
    Reservation::Confirmed(held())
}

pub(super) fn released() -> Reservation {
    Reservation::Released
}

pub(super) fn rejected() -> Reservation {
    Reservation::Rejected
}

fn user() -> UserId {
    UserId::parse("anna").unwrap()
}

fn currency() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn total() -> Amount {
    Amount::parse("25").unwrap()
}

pub(super) fn placed(order_id: OrderId, lines: &[(&str, u32)]) -> OrderPlaced {
    let line = |&(code, pieces): &(&str, u32)| PlacedLine {
        sku: sku(code),
        name: code.to_owned(),
        unit_price: Amount::ZERO,
        quantity: quantity(pieces),
        subtotal: Amount::ZERO,
        product_event: Uuid::nil(),
    };
    OrderPlaced {
        order_id,
        user_id: user(),
        payment_method: PaymentMethod::Wechat,
        currency: currency(),
        total: total(),
        lines: lines.iter().map(line).collect(),
        payment_token: None,
    }
}

pub(super) fn order_placed() -> Event {
    placed(ORDER, &LINES).into()
}

pub(super) fn payment_succeeded() -> Event {
    Event::from(PaymentSucceeded {
        order_id: ORDER,
        payment_id: PAYMENT,
        transaction_id: "t-1".to_owned(),
        payment_method: PaymentMethod::Wechat,
        currency: currency(),
        amount: total(),
    })
}

pub(super) fn payment_failed() -> Event {
    Event::from(PaymentFailed {
        order_id: ORDER,
        payment_id: PAYMENT,
        reason: "card_declined".to_owned(),
        detail: None,
        currency: None,
        amount: None,
    })
}

pub(super) fn payment_refunded() -> Event {
    refunded(None, None)
}

/// Of a part, or of an order whose customer keeps the goods.
pub(super) fn payment_refunded_in_vain() -> [Event; 2] {
    [refunded(Some(Amount::parse("1").unwrap()), None), refunded(None, Some(false))]
}

fn refunded(remaining: Option<Amount>, return_stock: Option<bool>) -> Event {
    Event::from(PaymentRefunded {
        order_id: ORDER,
        payment_id: PAYMENT,
        refund_id: RefundId::new(Uuid::from_u128(3)),
        reason: CancellationReason::Refunded,
        currency: currency(),
        amount: total(),
        remaining,
        return_stock,
    })
}

pub(super) fn order_cancelled() -> Event {
    cancelled(None)
}

/// The customer keeps the goods.
pub(super) fn order_cancelled_in_vain() -> Event {
    cancelled(Some(false))
}

fn cancelled(return_stock: Option<bool>) -> Event {
    let reason = CancellationReason::Requested;
    OrderCancelled { order_id: ORDER, user_id: user(), reason, detail: None, return_stock }.into()
}

/// Each move has counted its shelf once.
fn allocations() -> Vec<Allocation> {
    let stock_version = VERSION + 1;
    let allocation = |HeldLine { sku, warehouse_code, quantity }| Allocation {
        sku,
        warehouse_code,
        quantity,
        stock_version,
    };
    held().lines.into_iter().map(allocation).collect()
}

pub(super) fn inventory_reserved() -> Event {
    Event::from(InventoryReserved {
        order_id: ORDER,
        user_id: user(),
        payment_method: PaymentMethod::Wechat,
        currency: currency(),
        total: total(),
        expires_at: EXPIRES_AT,
        allocations: allocations(),
        payment_token: None,
    })
}

pub(super) fn shortage(code: &str, requested: i64, available: i64) -> Shortage {
    Shortage { sku: sku(code), requested, available }
}

pub(super) fn inventory_rejected<const N: usize>(shortages: [Shortage; N]) -> Event {
    InventoryRejected { order_id: ORDER, shortages: shortages.into() }.into()
}

pub(super) fn inventory_confirmed() -> Event {
    InventoryConfirmed { order_id: ORDER, allocations: allocations() }.into()
}

pub(super) fn inventory_released(cause: &str) -> Event {
    let (allocations, cause) = (allocations(), cause.into());
    InventoryReleased { order_id: ORDER, allocations, cause, returned: false }.into()
}

pub(super) fn inventory_returned(cause: &str) -> Event {
    let (allocations, cause) = (allocations(), cause.into());
    InventoryReleased { order_id: ORDER, allocations, cause, returned: true }.into()
}

pub(super) fn reservation_expired() -> Event {
    ReservationExpired { order_id: ORDER, allocations: allocations() }.into()
}

pub(super) fn inventory_confirmation_failed() -> Event {
    let reason = "reservation_released".to_owned();
    InventoryConfirmationFailed { order_id: ORDER, reason }.into()
}
