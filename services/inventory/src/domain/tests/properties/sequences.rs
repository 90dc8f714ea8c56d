//! Any sequence of adjustments and of events of four orders, sensible or not: decided without a panic, and after each step
//! the levels are what was put in, less what orders hold or have taken.

use std::collections::BTreeMap;

use minuet_events::inventory::{Allocation, StockAdjusted};
use minuet_events::values::{Micros, OrderId, Sku, WarehouseCode};
use minuet_events::{Event, EventType};
use proptest::prelude::*;
use uuid::Uuid;

use super::super::samples::{EXPIRES_AT, placed, sku, warehouse};
use super::super::story::{after, balanced, shift};
use crate::domain::{
    Adjusted, Held, Illegal, Input, Level, Reservation, ReservationState, Stock, adjust, decide,
};

const ORDERS: usize = 4;
const SKUS: [&str; 2] = ["milk", "tea"];
const WAREHOUSES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Adjust { sku: &'static str, warehouse: &'static str, delta: i32 },
    Of { order: usize, what: What },
}

#[derive(Clone, Debug)]
enum What {
    Placed { milk: u32, tea: u32 },
    PaymentSucceeded,
    PaymentFailed,
    PaymentRefunded,
    OrderCancelled,
    Due(Micros),
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => (1..6_u32, 1..6_u32).prop_map(|(milk, tea)| What::Placed { milk, tea }),
        2 => Just(What::PaymentSucceeded),
        1 => Just(What::PaymentFailed),
        1 => Just(What::PaymentRefunded),
        1 => Just(What::OrderCancelled),
        1 => (-1..2_i64).prop_map(|after| What::Due(Micros(EXPIRES_AT.0 + after))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let delta = prop_oneof![8 => -9..12_i32, 1 => any::<i32>()];
    let (skus, warehouses) = (proptest::sample::select(&SKUS[..]), proptest::sample::select(&WAREHOUSES[..]));
    prop_oneof![
        2 => (skus, warehouses, delta)
            .prop_map(|(sku, warehouse, delta)| Step::Adjust { sku, warehouse, delta }),
        3 => (0..ORDERS, what()).prop_map(|(order, what)| Step::Of { order, what }),
    ]
}

struct House {
    orders: Vec<Reservation>,
    stock: Stock,
    /// What adjustments have put in.
    put_in: BTreeMap<(Sku, WarehouseCode), i64>,
    /// Of each order, what was told.
    told: Vec<Vec<EventType>>,
}

impl House {
    fn new() -> Self {
        House {
            orders: vec![Reservation::Unknown; ORDERS],
            stock: Stock::new(),
            put_in: BTreeMap::new(),
            told: vec![Vec::new(); ORDERS],
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Adjust { sku: code, warehouse: at, delta } => self.adjust(sku(code), warehouse(at), *delta),
            Step::Of { order, what } => self.decide(*order, what),
        }
    }

    fn adjust(&mut self, sku: Sku, warehouse_code: WarehouseCode, delta: i32) {
        let shelf = (sku.clone(), warehouse_code.clone());
        let before = self.stock.get(&shelf).copied();
        let (adjustment_id, reason) = (Uuid::nil().into(), "count".to_owned());
        let adjusted = StockAdjusted { adjustment_id, sku, warehouse_code, delta, reason };
        let available = before.unwrap_or_default().available + i64::from(delta);
        match adjust(before, &adjusted) {
            Adjusted::Applied(level) => {
                assert!(delta != 0 && available >= 0);
                assert_eq!(
                    (level.available, level.reserved),
                    (available, before.unwrap_or_default().reserved)
                );
                assert_eq!(level.version, before.unwrap_or_default().version + 1);
                *self.put_in.entry(shelf.clone()).or_default() += i64::from(delta);
                self.stock.insert(shelf, level);
            }
            Adjusted::Refused(code) => {
                assert_eq!(code, if delta == 0 { "delta_zero" } else { "below_reserved" });
                assert!(delta == 0 || available < 0);
            }
        }
    }

    fn decide(&mut self, at: usize, what: &What) {
        use ReservationState::{Confirmed, Rejected, Released, Reserved, Unknown};
        let order_id = OrderId::new(Uuid::from_u128(at as u128));
        let lines = if let What::Placed { milk, tea } = what {
            [("milk", *milk), ("tea", *tea)].to_vec()
        } else {
            vec![]
        };
        let order_placed = placed(order_id, &lines);
        let input = match what {
            What::Placed { .. } => Input::Placed { placed: &order_placed, expires_at: EXPIRES_AT },
            What::PaymentSucceeded => Input::PaymentSucceeded { order_id },
            What::PaymentFailed => Input::PaymentFailed { order_id },
            What::PaymentRefunded => Input::PaymentRefunded { order_id, returns: true },
            What::OrderCancelled => Input::OrderCancelled { order_id, returns: true },
            What::Due(now) => Input::Due { order_id, now: *now },
        };
        let before = &self.orders[at];
        let decision = match decide(before, input, &self.stock) {
            Ok(decision) => decision,
            Err(Illegal { state, .. }) => return assert_eq!(state, before.state()),
        };
        let becomes = after(before, &decision);
        let states = (before.state(), becomes.state());
        if states.0 != states.1 {
            let may = [
                (Unknown, Reserved),
                (Unknown, Rejected),
                (Reserved, Confirmed),
                (Reserved, Released),
                (Confirmed, Released),
            ];
            assert!(may.contains(&states), "{before:?} becomes {becomes:?}");
        } else {
            assert!(decision.moves.is_empty(), "nothing moves unless the reservation does: {decision:?}");
        }
        if let (What::Due(now), Reserved) = (what, states.0) {
            assert_eq!(states.1 == Released, *now >= EXPIRES_AT, "{now}");
        }
        if states == (Confirmed, Released) {
            assert!(matches!(what, What::OrderCancelled | What::PaymentRefunded), "{what:?}");
        }
        shift(&mut self.stock, &decision);
        if let Some(event) = &decision.emit {
            assert_eq!(event.key(), order_id.to_string());
            assert_eq!(allocations(event).len(), decision.moves.len(), "{event:?}");
            for told in allocations(event) {
                let level = self.stock[&(told.sku.clone(), told.warehouse_code.clone())];
                assert_eq!(told.stock_version, level.version, "{event:?}");
            }
            self.told[at].push(event.event_type());
        }
        self.orders[at] = becomes;
    }

    fn check(&self) {
        for (shelf, level) in &self.stock {
            balanced(level);
            let of = |held: &Held| -> i64 {
                let lines = held.lines.iter().filter(|l| (&l.sku, &l.warehouse_code) == (&shelf.0, &shelf.1));
                lines.map(|line| i64::from(line.quantity.get())).sum()
            };
            let (mut reserved, mut sold) = (0, 0);
            for order in &self.orders {
                match order {
                    Reservation::Reserved(held) => reserved += of(held),
                    Reservation::Confirmed(held) => sold += of(held),
                    Reservation::Unknown | Reservation::Released | Reservation::Rejected => {}
                }
            }
            assert_eq!(level.reserved, reserved, "{shelf:?}");
            assert_eq!(level.on_hand, self.put_in[shelf] - sold, "{shelf:?}");
        }
        for told in &self.told {
            let times = |event: EventType| told.iter().filter(|one| **one == event).count();
            use EventType::{
                InventoryConfirmed, InventoryRejected, InventoryReleased, InventoryReserved,
                ReservationExpired,
            };
            assert!(times(InventoryReserved) + times(InventoryRejected) <= 1, "{told:?}");
            assert!(times(InventoryConfirmed) <= times(InventoryReserved), "{told:?}");
            assert!(
                times(InventoryReleased) + times(ReservationExpired) <= times(InventoryReserved),
                "{told:?}"
            );
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what tells of no goods need not be listed")]
fn allocations(event: &Event) -> &[Allocation] {
    match event {
        Event::InventoryReserved(event) => &event.allocations,
        Event::InventoryConfirmed(event) => &event.allocations,
        Event::InventoryReleased(event) => &event.allocations,
        Event::ReservationExpired(event) => &event.allocations,
        _ => &[],
    }
}

proptest! {
    #[test]
    fn the_books_balance_after_each_step(steps in proptest::collection::vec(step(), 1..60)) {
        let mut house = House::new();
        for step in &steps {
            house.take(step);
            house.check();
        }
    }

    /// The sum of two `i64`s is the only thing that may not fit, and it is refused.
    #[test]
    fn an_adjustment_of_any_level_is_applied_or_refused(
        available in prop_oneof![0..10_i64, (i64::MAX - 10)..=i64::MAX],
        reserved in 0..10_i64,
        delta in any::<i32>(),
    ) {
        let Some(on_hand) = available.checked_add(reserved) else { return Ok(()) };
        let before = Level { available, reserved, on_hand, version: 3 };
        let (adjustment_id, reason) = (Uuid::nil().into(), "count".to_owned());
        let (sku, warehouse_code) = (sku("tea"), warehouse("a"));
        let adjusted = StockAdjusted { adjustment_id, sku, warehouse_code, delta, reason };
        match adjust(Some(before), &adjusted) {
            Adjusted::Applied(level) => {
                balanced(&level);
                prop_assert_eq!(i128::from(level.on_hand), i128::from(on_hand) + i128::from(delta));
            }
            Adjusted::Refused("too_large") => {
                prop_assert!(i128::from(on_hand) + i128::from(delta) > i128::from(i64::MAX));
            }
            Adjusted::Refused("below_reserved") => prop_assert!(available + i64::from(delta) < 0),
            Adjusted::Refused(code) => prop_assert_eq!((code, delta), ("delta_zero", 0)),
        }
    }
}
