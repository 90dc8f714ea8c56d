use minuet_events::Event;
use minuet_events::values::{OrderId, WarehouseCode};
use minuet_inventory::domain::{
    Adjusted, Decision, Held, Input, Level, Reservation, Stock, adjust, decide, shift,
};
use uuid::Uuid;

use super::{Done, Parked, Published, folded, parked};
use crate::actors::{self, EXPIRES_AT, Shelves};
use crate::bug::Bug;
use crate::state::{SHELVES, Shelf};

/// What the inventory service keeps about an order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) reservation: Reservation,
    /// What it holds or held: the row keeps it after the release.
    held: Option<Held>,
    /// The OrderPlaced: what the sweeper's event is derived from.
    placed: Option<Uuid>,
}

impl Row {
    pub(crate) fn unknown() -> Self {
        Row { reservation: Reservation::Unknown, held: None, placed: None }
    }

    /// Pieces of each shelf, while they are reserved or confirmed.
    pub(crate) fn held(&self, shelves: &Shelves) -> [i8; SHELVES] {
        let mut pieces = [0; SHELVES];
        if let Reservation::Reserved(held) | Reservation::Confirmed(held) = &self.reservation {
            for line in &held.lines {
                if let Some(at) = shelves.position(&line.warehouse_code) {
                    pieces[at] += small(i64::from(line.quantity.get()));
                }
            }
        }
        pieces
    }
}

impl Shelves {
    fn position(&self, code: &WarehouseCode) -> Option<usize> {
        self.warehouses.iter().position(|warehouse| warehouse == code)
    }

    /// Versions are left out: nothing is decided by them, and they would tell states apart that are equal.
    pub(crate) fn stock(&self, levels: &[Shelf; SHELVES]) -> Stock {
        let key = |warehouse: &WarehouseCode| (self.sku.clone(), warehouse.clone());
        let level = |shelf: &Shelf| Level {
            available: shelf.available.into(),
            reserved: shelf.reserved.into(),
            on_hand: shelf.on_hand.into(),
            version: 0,
        };
        self.warehouses.iter().zip(levels).map(|(warehouse, shelf)| (key(warehouse), level(shelf))).collect()
    }

    fn levels(&self, stock: &Stock) -> [Shelf; SHELVES] {
        self.warehouses.each_ref().map(|warehouse| {
            let level = stock.get(&(self.sku.clone(), warehouse.clone())).copied().unwrap_or_default();
            let Level { available, reserved, on_hand, version: _ } = level;
            Shelf { available: small(available), reserved: small(reserved), on_hand: small(on_hand) }
        })
    }
}

fn small(pieces: i64) -> i8 {
    i8::try_from(pieces).unwrap_or(i8::MIN)
}

pub(crate) fn react(
    row: &Row,
    message: &Published,
    shelves: &Shelves,
    levels: &[Shelf; SHELVES],
    bug: Option<Bug>,
) -> Result<Done<(Row, [Shelf; SHELVES])>, Parked> {
    let input = Input::of(&message.event, EXPIRES_AT).ok_or(Parked)?;
    let placed = matches!(input, Input::Placed { .. }).then_some(message.id);
    let row = Row { placed: row.placed.or(placed), ..row.clone() };
    settle(&row, input, message.id, shelves, levels, bug)
}

/// The sweeper: in the name of the OrderPlaced.
pub(crate) fn expire(
    row: &Row,
    order_id: OrderId,
    shelves: &Shelves,
    levels: &[Shelf; SHELVES],
    bug: Option<Bug>,
) -> Result<Done<(Row, [Shelf; SHELVES])>, Parked> {
    let Some(cause) = row.placed else { return Ok(Done { row: (row.clone(), *levels), emit: None }) };
    settle(row, Input::Due { order_id, now: EXPIRES_AT }, cause, shelves, levels, bug)
}

fn settle(
    row: &Row,
    input: Input<'_>,
    cause: Uuid,
    shelves: &Shelves,
    levels: &[Shelf; SHELVES],
    bug: Option<Bug>,
) -> Result<Done<(Row, [Shelf; SHELVES])>, Parked> {
    let mut stock = shelves.stock(levels);
    let (seen, decision) = decided(row, input, &stock, bug)?;
    let Some(Decision { change, moves, mut emit }) = folded(Ok(decision))? else {
        return Ok(Done { row: (row.clone(), *levels), emit: None });
    };
    shift(&mut stock, &moves);
    let mut row = row.clone();
    if let Some(change) = &change {
        row.reservation = seen.after(change).map_err(parked)?;
        if let Reservation::Reserved(held) = &row.reservation {
            row.held = Some(held.clone());
        }
    }
    if let Some(event) = &mut emit {
        forget_versions(event);
    }
    Ok(Done { row: (row, shelves.levels(&stock)), emit: emit.map(|event| (cause, event)) })
}

fn forget_versions(event: &mut Event) {
    let allocations = match event {
        Event::InventoryReserved(event) => &mut event.allocations,
        Event::InventoryConfirmed(event) => &mut event.allocations,
        Event::InventoryReleased(event) => &mut event.allocations,
        Event::ReservationExpired(event) => &mut event.allocations,
        _ => return,
    };
    for allocation in allocations {
        allocation.stock_version = 0;
    }
}

/// With the reservation that it was decided about: the row's own, unless a bug sees another one.
fn decided(
    row: &Row,
    input: Input<'_>,
    stock: &Stock,
    bug: Option<Bug>,
) -> Result<(Reservation, Decision), Parked> {
    let undone = matches!(input, Input::OrderCancelled { .. } | Input::PaymentRefunded { .. });
    let held_before = || row.held.clone().map(Reservation::Reserved);
    let (reservation, forget) = match (bug, &row.reservation, input) {
        (Some(Bug::ReleaseTwice), Reservation::Released, Input::PaymentFailed { .. }) => {
            (held_before(), false)
        }
        (Some(Bug::ReleaseTwice), Reservation::Released, _) if undone => (held_before(), false),
        (Some(Bug::ConfirmUnchecked), Reservation::Released, Input::PaymentSucceeded { .. }) => {
            (held_before(), false)
        }
        (Some(Bug::StockNotReturned), Reservation::Confirmed(_), _) => (None, undone),
        _ => (None, false),
    };
    let reservation = reservation.unwrap_or_else(|| row.reservation.clone());
    let decision =
        if forget { Decision::default() } else { decide(&reservation, input, stock).map_err(parked)? };
    Ok((reservation, decision))
}

/// A person brings pieces, or finds that they are gone. None: it was refused, and nothing changes.
pub(crate) fn adjusted(shelf: Shelf, shelves: &Shelves, at: usize, delta: i32) -> Option<Shelf> {
    let level = Level {
        available: shelf.available.into(),
        reserved: shelf.reserved.into(),
        on_hand: shelf.on_hand.into(),
        version: 0,
    };
    let adjusted = actors::stock_adjusted(shelves, at, delta);
    match adjust(Some(level), &adjusted) {
        Adjusted::Applied(Level { available, reserved, on_hand, version: _ }) => {
            Some(Shelf { available: small(available), reserved: small(reserved), on_hand: small(on_hand) })
        }
        Adjusted::Refused(_) => None,
    }
}
