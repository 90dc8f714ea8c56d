use std::cell::Cell;

use minuet_events::Event;
use minuet_events::inventory::Allocation;
use minuet_events::orders::OrderPlaced;
use minuet_events::values::{Micros, OrderId};
use minuet_inventory::domain::{Decision, Input, Level, Reservation, Stock};
use minuet_messaging::Cause;
use time::Duration;

use super::emits::Emits;
use super::levels::LevelHistory;
use super::search::{Decider, Taken};
use super::{Build, cause};
use crate::record::Record;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    reservation: Reservation,
    sequence: i64,
    placed: Option<Cause>,
}

impl Default for State {
    fn default() -> Self {
        State { reservation: Reservation::Unknown, sequence: 0, placed: None }
    }
}

/// The inventory service.
pub(super) struct Reservations<'a> {
    pub(super) order_id: OrderId,
    pub(super) build: &'a Build,
    pub(super) levels: &'a LevelHistory,
    pub(super) unproven: &'a Cell<u64>,
}

impl Reservations<'_> {
    fn decide(
        &self,
        state: &State,
        input: Input<'_>,
        stock: &Stock,
        cause: Cause,
    ) -> Result<Taken<State>, String> {
        let Decision { change, moves: _, emit } = (self.build.inventory)(&state.reservation, input, stock)
            .map_err(|illegal| illegal.to_string())?;
        let mut state = state.clone();
        if let Some(change) = &change {
            state.placed.get_or_insert(cause);
            state.reservation = state.reservation.after(change).map_err(|invalid| invalid.to_string())?;
        }
        let emits = emit.map(|event| {
            state.sequence += 1;
            Emits { cause, event, sequence: Some(state.sequence) }
        });
        Ok(Taken { state, emits })
    }

    /// The stock that an order was reserved from, and until when it was held, as its outcome tells of them.
    fn before_placed(
        &self,
        placed: &OrderPlaced,
        input: &Record,
        expected: Option<&Record>,
    ) -> (Stock, Micros) {
        let unknown = input.head.time.plus(Duration::minutes(15));
        match expected.map(|expected| (&expected.event, expected.head.time)) {
            Some((Event::InventoryReserved(reserved), at)) => {
                let stock = self.levels.before_reserved(placed, &reserved.allocations, at);
                let stock = stock.unwrap_or_else(|| {
                    // What was there is unknown: that it was enough is all there is to say.
                    self.unproven.set(self.unproven.get() + 1);
                    enough(&reserved.allocations)
                });
                (stock, reserved.expires_at)
            }
            Some((Event::InventoryRejected(rejected), at)) => {
                let mut unproven = self.unproven.get();
                let stock = self.levels.before_rejected(placed, rejected, at, &mut unproven);
                self.unproven.set(unproven);
                (stock, unknown)
            }
            _ => (Stock::new(), unknown),
        }
    }

    /// What goes goes whatever the levels are: only their versions are told, and the record has them.
    fn leaving(expected: Option<&Record>) -> Stock {
        let allocations = expected.map(|expected| allocations(&expected.event)).unwrap_or_default();
        let level = |a: &Allocation| {
            let level = Level { version: a.stock_version - 1, ..Level::default() };
            ((a.sku.clone(), a.warehouse_code.clone()), level)
        };
        allocations.iter().map(level).collect()
    }
}

fn allocations(event: &Event) -> &[Allocation] {
    match event {
        Event::InventoryReserved(e) => &e.allocations,
        Event::InventoryConfirmed(e) => &e.allocations,
        Event::InventoryReleased(e) => &e.allocations,
        Event::ReservationExpired(e) => &e.allocations,
        _ => &[],
    }
}

impl Decider for Reservations<'_> {
    type State = State;

    fn take(
        &self,
        state: &State,
        input: &Record,
        expected: Option<&Record>,
    ) -> Vec<Result<Taken<State>, String>> {
        let (stock, expires_at) = match &input.event {
            Event::OrderPlaced(placed) => self.before_placed(placed, input, expected),
            _ => (Self::leaving(expected), input.head.time),
        };
        match Input::of(&input.event, expires_at) {
            Some(decided) => vec![self.decide(state, decided, &stock, cause(input))],
            // It decides nothing about the reservation.
            None => vec![Ok(Taken { state: state.clone(), emits: None })],
        }
    }

    /// The reservation expires.
    fn spontaneous(&self, state: &State, expected: &Record) -> Option<Taken<State>> {
        let is_expired = matches!(expected.event, Event::ReservationExpired(_));
        let cause = state.placed.filter(|_| is_expired)?;
        let due = Input::Due { order_id: self.order_id, now: expected.head.time };
        let taken = self.decide(state, due, &Self::leaving(Some(expected)), cause).ok()?;
        taken.emits.is_some().then_some(taken)
    }
}

fn enough(allocations: &[Allocation]) -> Stock {
    let level = |a: &Allocation| {
        let available = i64::from(a.quantity.get());
        let level = Level { available, reserved: 0, on_hand: available, version: a.stock_version - 1 };
        ((a.sku.clone(), a.warehouse_code.clone()), level)
    };
    allocations.iter().map(level).collect()
}
