//! What the services' tables have to say about an order at rest, as the topics tell it: a line of text for each table.

use minuet_events::EventType;
use minuet_events::values::{Currency, OrderStatus, PaymentStatus, ReservationStatus, Sku, WarehouseCode};
use rust_decimal::Decimal;

use super::account::{Account, Goods};
use super::stock_levels::StockLevels;

/// A table's row of an order, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    None,
    Row(String),
    /// This row or none: it exists only if the service saw the order's end before its beginning.
    Perhaps(String),
}

impl Wanted {
    pub(super) fn is(&self, row: Option<&str>) -> bool {
        match (self, row) {
            (Wanted::None | Wanted::Perhaps(_), None) => true,
            (Wanted::Row(wanted) | Wanted::Perhaps(wanted), Some(row)) => wanted == row,
            (Wanted::None, Some(_)) | (Wanted::Row(_), None) => false,
        }
    }

    pub(super) fn show(&self) -> &str {
        match self {
            Wanted::None => "nothing",
            Wanted::Row(row) | Wanted::Perhaps(row) => row,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) order: Wanted,
    pub(super) reservation: Wanted,
    pub(super) payment: Wanted,
}

impl Expected {
    /// None where the account is not the whole story: `may_begin` says that it may have begun before what is remembered.
    pub(super) fn of(account: &Account, shelves: &StockLevels, may_begin: bool) -> Option<Expected> {
        let seen = |event_type| account.progress.seen.has(event_type);
        if account.cut || may_begin && !seen(EventType::OrderSubmitted) {
            return None;
        }
        let money = account.price.as_ref().map(|(currency, total)| (currency.as_str(), *total));
        let order = if seen(EventType::OrderSubmitted) {
            let placed = money.filter(|_| seen(EventType::OrderPlaced));
            Wanted::Row(order(account.progress.stage().as_str(), placed))
        } else {
            Wanted::Perhaps(order(OrderStatus::Cancelled.as_str(), None))
        };
        let reservation = if seen(EventType::InventoryReserved) {
            let status = match account.goods {
                Goods::Reserved => ReservationStatus::Reserved,
                Goods::Confirmed => ReservationStatus::Confirmed,
                Goods::Gone => ReservationStatus::Released,
            };
            let lines = account.held.iter().filter_map(|held| {
                let (sku, warehouse) = shelves.name(held.shelf)?;
                Some((sku, warehouse, i64::from(held.quantity)))
            });
            Wanted::Row(reservation(status.as_str(), lines))
        } else if seen(EventType::InventoryRejected) {
            Wanted::Row(reservation(ReservationStatus::Released.as_str(), [].into_iter()))
        } else {
            Wanted::None
        };
        let failed = || payment(PaymentStatus::Failed.as_str(), None);
        let payment = match (account.captured.is_zero(), account.refunded < account.captured, money) {
            (false, is_kept, Some(money)) => {
                let status = if is_kept { PaymentStatus::Success } else { PaymentStatus::Refunded };
                Wanted::Row(payment(status.as_str(), Some(money)))
            }
            _ if seen(EventType::PaymentFailed) => Wanted::Row(failed()),
            _ => Wanted::Perhaps(failed()),
        };
        Some(Expected { order, reservation, payment })
    }
}

/// A row of `orders`: its status is the database's text.
pub(super) fn order(status: &str, money: Option<(&str, Decimal)>) -> String {
    match money {
        Some((currency, total)) => {
            let shown = Currency::parse(currency)
                .map_or_else(|_| total.normalize().to_string(), |currency| currency.show(total));
            format!("{status}, {currency} {shown}")
        }
        None => status.to_owned(),
    }
}

/// A row of `order_reservations`.
pub(super) fn reservation<'a>(
    status: &str,
    lines: impl Iterator<Item = (&'a Sku, &'a WarehouseCode, i64)>,
) -> String {
    let mut lines: Vec<_> = lines.collect();
    lines.sort_unstable();
    let lines = lines.iter().map(|(sku, warehouse, quantity)| format!(", {quantity} {sku} in {warehouse}"));
    [status.to_owned()].into_iter().chain(lines).collect()
}

/// A row of `payments`. What was never captured may have had an amount or not.
pub(super) fn payment(status: &str, money: Option<(&str, Decimal)>) -> String {
    order(status, money.filter(|_| status != PaymentStatus::Failed.as_str()))
}
