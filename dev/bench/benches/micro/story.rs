//! Orders of the reference workload as the decisions see them, each carried by the decisions themselves.

use minuet_events::Event;
use minuet_events::inventory::{InventoryConfirmed, InventoryReserved};
use minuet_events::orders::{OrderPlaced, OrderSubmitted, SubmittedLine};
use minuet_events::payments::PaymentSucceeded;
use minuet_events::values::{
    Amount, Currency, Micros, OrderId, PaymentMethod, Quantity, Sku, UserId, WarehouseCode,
};
use minuet_inventory::domain::{self as inventory, Level, Reservation, Stock};
use minuet_order::domain::{Product, Products};
use minuet_payment::domain::{self as payment, Answer, Payment};
use uuid::Uuid;

pub(crate) const BATCH: u128 = 500;
const PRODUCTS: u128 = 1_000;
pub(crate) const NOW: Micros = Micros(1_764_000_000_000_000);
pub(crate) const EXPIRES: Micros = Micros(1_764_000_900_000_000);

pub(crate) struct Story {
    pub(crate) order_id: OrderId,
    pub(crate) submitted: OrderSubmitted,
    pub(crate) placed: OrderPlaced,
    pub(crate) reservation: Reservation,
    pub(crate) reserved: InventoryReserved,
    pub(crate) processing: Payment,
    pub(crate) paid: PaymentSucceeded,
    pub(crate) confirmed: InventoryConfirmed,
}

fn sku(number: u128) -> Sku {
    Sku::parse(&format!("BENCH-{:04}", number % PRODUCTS)).unwrap()
}

pub(crate) fn products() -> Products {
    let product = |number: u128| Product {
        name: format!("Product {number}"),
        currency: Currency::parse("EUR").unwrap(),
        unit_price: Amount::parse(&format!("{}.25", 1 + number % 499)).unwrap(),
        active: true,
        event: Uuid::from_u128(number),
    };
    (0..PRODUCTS).map(|number| (sku(number), product(number))).collect()
}

pub(crate) fn stock() -> Stock {
    let level = Level { available: 1_000_000, reserved: 10_000, on_hand: 1_010_000, version: 1 };
    let warehouse = WarehouseCode::parse("MAIN").unwrap();
    (0..PRODUCTS).map(|number| ((sku(number), warehouse.clone()), level)).collect()
}

pub(crate) fn answer() -> Answer {
    Answer::Captured { transaction_id: "tx-1".to_owned(), response: "captured".to_owned() }
}

/// A batch of orders with two lines each.
pub(crate) fn batch() -> Vec<Story> {
    let (products, stock) = (products(), stock());
    (0..BATCH).map(|number| story(number, &products, &stock)).collect()
}

fn story(number: u128, products: &Products, stock: &Stock) -> Story {
    let order_id = OrderId::new(Uuid::from_u128((0x019a_b3c4_0000_7000_8000 << 48) + number));
    let line = |number| SubmittedLine { sku: sku(number), quantity: Quantity::new(2).unwrap() };
    let submitted = OrderSubmitted {
        order_id,
        user_id: UserId::parse("user-00001").unwrap(),
        payment_method: PaymentMethod::Paypal,
        lines: vec![line(number * 7), line(number * 7 + 3)],
        expected_total: None,
        payment_token: None,
    };
    let placed = minuet_order::domain::price(&submitted, products).unwrap();
    let input = inventory::Input::Placed { placed: &placed, expires_at: EXPIRES };
    let decision = inventory::decide(&Reservation::Unknown, input, stock).unwrap();
    let reservation = Reservation::Unknown.after(&decision.change.unwrap()).unwrap();
    let Some(Event::InventoryReserved(reserved)) = decision.emit else { panic!("not reserved") };
    let input = payment::Input::Reserved { reserved: &reserved, now: NOW };
    let intent = payment::decide(&Payment::Unknown, input).unwrap();
    let processing = Payment::Unknown.after(&intent.changes[0]).unwrap();
    let captured = payment::decide(&processing, payment::Input::Answered(&answer())).unwrap();
    let Some(Event::PaymentSucceeded(paid)) = captured.emit else { panic!("not paid") };
    let input = inventory::Input::PaymentSucceeded { order_id };
    let decision = inventory::decide(&reservation, input, stock).unwrap();
    let Some(Event::InventoryConfirmed(confirmed)) = decision.emit else { panic!("not confirmed") };
    Story { order_id, submitted, placed, reservation, reserved, processing, paid, confirmed }
}
