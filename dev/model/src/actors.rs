//! The actors: one product on two shelves, a user who orders it, a stranger, and the messages that they send.

use minuet_events::Event;
use minuet_events::inventory::StockAdjusted;
use minuet_events::orders::{ExpectedTotal, OrderCancellationRequested, OrderSubmitted, SubmittedLine};
use minuet_events::payments::RefundRequested;
use minuet_events::values::{
    AdjustmentId, Amount, Currency, Micros, OrderId, PaymentMethod, Quantity, Sku, UserId, ValueError,
    WarehouseCode,
};
use minuet_order::domain::{Product, Products};
use uuid::Uuid;

use crate::state::{Message, SHELVES};
use crate::table::Table;

/// Two moments are enough: before a reservation expires, and when it does.
pub(crate) const EARLY: Micros = Micros(0);
pub(crate) const EXPIRES_AT: Micros = Micros(900_000_000);

/// Most submissions and refund requests of one order.
pub(crate) const TIMES: usize = 2;

/// What people may send about one order.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) order_id: OrderId,
    /// How many pieces it is about: with a unit price of 1, also its total.
    pub(crate) pieces: u8,
    /// Under an id each, as a client sends again that got no answer.
    pub(crate) submissions: [Message; TIMES],
    /// By a user who saw the total at a price of before.
    pub(crate) outdated: Message,
    pub(crate) cancellation: Message,
    pub(crate) stranger: Message,
    pub(crate) refunds: [Message; TIMES],
}

impl Script {
    pub(crate) fn write(
        order: usize,
        pieces: u8,
        shelves: &Shelves,
        ids: &Table<Uuid>,
        messages: &Table<Event>,
    ) -> Result<Script, ValueError> {
        let order_id = OrderId::new(uuid(order, 0));
        let (user, stranger) = (UserId::parse("ada")?, UserId::parse("mallory")?);
        let line = SubmittedLine { sku: shelves.sku.clone(), quantity: Quantity::new(pieces.into())? };
        let cancel =
            |requested_by| OrderCancellationRequested { order_id, requested_by, reason: String::new() };
        let send = |nth: u8, event: Event| Message {
            id: ids.number(uuid(order, nth)),
            event: messages.number(event),
        };
        let currency = Currency::parse("EUR")?;
        let expecting = |amount: Amount| {
            Event::from(OrderSubmitted {
                order_id,
                user_id: user.clone(),
                payment_method: PaymentMethod::Paypal,
                lines: vec![line.clone()],
                expected_total: Some(ExpectedTotal { amount, currency }),
                payment_token: None,
            })
        };
        let total = Amount::parse(&pieces.to_string())?;
        let (submitted, outdated) =
            (expecting(total), expecting(total.times(Quantity::new(2)?).unwrap_or_default()));
        // One piece, and then all that is left.
        let admin = UserId::parse("admin")?;
        let refund = |amount: Option<Amount>| {
            Event::from(RefundRequested {
                order_id,
                requested_by: admin.clone(),
                reason: String::new(),
                amount,
                return_stock: None,
            })
        };
        let (part, rest) = (refund(Some(Amount::parse("1")?)), refund(None));
        Ok(Script {
            order_id,
            pieces,
            submissions: [send(1, submitted.clone()), send(2, submitted)],
            outdated: send(7, outdated),
            cancellation: send(3, Event::from(cancel(user.clone()))),
            stranger: send(4, Event::from(cancel(stranger))),
            refunds: [send(5, part), send(6, rest)],
        })
    }
}

fn uuid(order: usize, nth: u8) -> Uuid {
    Uuid::from_u128(((order as u128 + 1) << 8) + u128::from(nth))
}

/// The one sku, and the shelves it lies on.
#[derive(Debug)]
pub(crate) struct Shelves {
    pub(crate) sku: Sku,
    pub(crate) warehouses: [WarehouseCode; SHELVES],
}

pub(crate) fn shelves() -> Result<Shelves, ValueError> {
    Ok(Shelves {
        sku: Sku::parse("tea")?,
        warehouses: [WarehouseCode::parse("north")?, WarehouseCode::parse("south")?],
    })
}

pub(crate) fn catalogue(shelves: &Shelves) -> Result<Products, ValueError> {
    let product = Product {
        name: "Tea".to_owned(),
        currency: Currency::parse("EUR")?,
        unit_price: Amount::parse("1")?,
        active: true,
        event: Uuid::from_u128(1),
    };
    Ok(Products::from([(shelves.sku.clone(), product)]))
}

/// An amount in unit prices.
pub(crate) fn units(amount: Amount) -> u8 {
    let shown = amount.to_string();
    shown.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(u8::MAX)
}

pub(crate) fn stock_adjusted(shelves: &Shelves, at: usize, delta: i32) -> StockAdjusted {
    StockAdjusted {
        adjustment_id: AdjustmentId::new(Uuid::from_u128(2)),
        sku: shelves.sku.clone(),
        warehouse_code: shelves.warehouses[at].clone(),
        delta,
        reason: String::new(),
    }
}
