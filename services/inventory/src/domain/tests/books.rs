//! Two orders on scarce stock, and every sequence of events that the two may see: the books balance after each step.

use minuet_events::values::OrderId;
use uuid::Uuid;

use super::samples::*;
use super::story::{after, balanced, shift};
use crate::domain::{Held, Input, Move, Reservation, Stock, decide};

const STEPS: usize = 4;

#[derive(Clone)]
struct World {
    orders: [Reservation; 2],
    stock: Stock,
}

fn start() -> World {
    World {
        orders: [unknown(), unknown()],
        stock: stock_of([("tea", "north", 3, 0), ("tea", "south", 2, 0)]),
    }
}

impl World {
    /// Everything that may happen next; what is illegal does not. The second order wants more tea than the first one
    /// leaves in one warehouse.
    fn nexts(&self) -> Vec<World> {
        let mut nexts = Vec::new();
        for (at, reservation) in self.orders.iter().enumerate() {
            let order_id = OrderId::new(Uuid::from_u128(at as u128));
            let placed = placed(order_id, &[("tea", [2, 3][at])]);
            let inputs = [
                Input::Placed { placed: &placed, expires_at: EXPIRES_AT },
                Input::PaymentSucceeded { order_id },
                Input::PaymentFailed { order_id },
                Input::PaymentRefunded { order_id, returns: true },
                Input::OrderCancelled { order_id, returns: true },
                Input::Due { order_id, now: EXPIRES_AT },
            ];
            for decision in inputs.into_iter().flat_map(|input| decide(reservation, input, &self.stock)) {
                let mut next = self.clone();
                next.orders[at] = after(reservation, &decision);
                shift(&mut next.stock, &decision);
                nexts.push(next);
            }
        }
        nexts
    }

    /// What is reserved is what orders hold; what is missing is what was confirmed.
    fn check(&self) {
        for (shelf, level) in &self.stock {
            balanced(level);
            let held = |held: &Held| -> i64 {
                let lines = held.lines.iter().filter(|l| (&l.sku, &l.warehouse_code) == (&shelf.0, &shelf.1));
                lines.map(|line| i64::from(line.quantity.get())).sum()
            };
            let (mut reserved, mut confirmed) = (0, 0);
            for order in &self.orders {
                match order {
                    Reservation::Reserved(lines) => reserved += held(lines),
                    Reservation::Confirmed(lines) => confirmed += held(lines),
                    Reservation::Unknown | Reservation::Released | Reservation::Rejected => {}
                }
            }
            assert_eq!(level.reserved, reserved, "{shelf:?}");
            assert_eq!(start().stock[shelf].on_hand - level.on_hand, confirmed, "{shelf:?}");
        }
    }
}

#[test]
fn the_books_balance_whatever_happens() {
    let mut worlds = vec![start()];
    for _ in 0..STEPS {
        worlds = worlds.iter().flat_map(World::nexts).collect();
        worlds.iter().for_each(World::check);
    }
    let both = |world: &&World| world.orders.iter().all(|order| matches!(order, Reservation::Confirmed(_)));
    assert!(worlds.iter().any(|world| both(&world)), "the walk is too short to see two orders confirmed");
}

#[test]
fn a_move_changes_what_it_says() {
    let level = stock_of([("tea", "north", 10, 5)])[&(sku("tea"), warehouse("north"))];
    let after = |change| {
        let after = level.after(change);
        balanced(&after);
        assert_eq!(after.version, level.version + 1);
        (after.available, after.reserved, after.on_hand)
    };
    assert_eq!(after(Move::Reserve(2)), (8, 7, 15));
    assert_eq!(after(Move::Confirm(2)), (10, 3, 13));
    assert_eq!(after(Move::Release(2)), (12, 3, 15));
    assert_eq!(after(Move::Return(2)), (12, 5, 17));
}
