use std::collections::BTreeMap;
use std::fmt;

use minuet_events::values::{Micros, Quantity, ReservationStatus, Sku, WarehouseCode};

/// The stock of one sku in one warehouse. `on_hand` = `available` + `reserved`; none is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    pub available: i64,
    pub reserved: i64,
    pub on_hand: i64,
    /// Counts the changes of this level, dense from 1.
    pub version: i64,
}

/// How a level changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// available -> reserved
    Reserve(i64),
    /// out of reserved and on hand: it leaves the house
    Confirm(i64),
    /// reserved -> available
    Release(i64),
    /// back into available and on hand: it had been confirmed
    Return(i64),
}

impl Level {
    pub fn after(self, change: Move) -> Level {
        let Level { available, reserved, on_hand, version } = self;
        let version = version + 1;
        match change {
            Move::Reserve(n) => Level { available: available - n, reserved: reserved + n, on_hand, version },
            Move::Confirm(n) => Level { available, reserved: reserved - n, on_hand: on_hand - n, version },
            Move::Release(n) => Level { available: available + n, reserved: reserved - n, on_hand, version },
            Move::Return(n) => Level { available: available + n, reserved, on_hand: on_hand + n, version },
        }
    }
}

/// The levels that a batch touches.
pub type Stock = BTreeMap<(Sku, WarehouseCode), Level>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLine {
    pub sku: Sku,
    pub warehouse_code: WarehouseCode,
    pub quantity: Quantity,
}

/// What an order holds: at most one line per (sku, warehouse).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub lines: Vec<HeldLine>,
    pub expires_at: Micros,
}

/// A reservation's state, with what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// No row yet.
    Unknown,
    Reserved(Held),
    Confirmed(Held),
    Released,
    /// There was too little: nothing was ever held.
    Rejected,
}

/// A state without what is true in it: what the table of reactions names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationState {
    Unknown,
    Reserved,
    Confirmed,
    Released,
    Rejected,
}

impl ReservationState {
    /// The name in the table of reactions.
    pub const fn name(self) -> &'static str {
        match self {
            ReservationState::Unknown => "unknown",
            ReservationState::Reserved => "reserved",
            ReservationState::Confirmed => "confirmed",
            ReservationState::Released => "released",
            ReservationState::Rejected => "rejected",
        }
    }

    /// As the database has it: a rejected reservation is a released one without lines.
    pub const fn status(self) -> ReservationStatus {
        match self {
            ReservationState::Reserved => ReservationStatus::Reserved,
            ReservationState::Confirmed => ReservationStatus::Confirmed,
            ReservationState::Unknown | ReservationState::Released | ReservationState::Rejected => {
                ReservationStatus::Released
            }
        }
    }
}

impl fmt::Display for ReservationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Reservation {
    pub const fn state(&self) -> ReservationState {
        match self {
            Reservation::Unknown => ReservationState::Unknown,
            Reservation::Reserved(_) => ReservationState::Reserved,
            Reservation::Confirmed(_) => ReservationState::Confirmed,
            Reservation::Released => ReservationState::Released,
            Reservation::Rejected => ReservationState::Rejected,
        }
    }

    /// The reservation once this has happened to it. What was never held cannot be confirmed: it stays as it is.
    #[must_use]
    pub fn after(&self, change: &Change) -> Reservation {
        match (change, self) {
            (Change::Reserved(held), _) => Reservation::Reserved(held.clone()),
            (Change::Confirmed, Reservation::Reserved(held)) => Reservation::Confirmed(held.clone()),
            (Change::Confirmed, _) => self.clone(),
            (Change::Released, _) => Reservation::Released,
            (Change::Rejected, _) => Reservation::Rejected,
        }
    }
}

/// How a decision changes a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Reserved(Held),
    Rejected,
    Confirmed,
    Released,
}

/// Applies a decision's moves to the levels.
pub fn shift(stock: &mut Stock, moves: &[(Sku, WarehouseCode, Move)]) {
    for (sku, warehouse, change) in moves {
        let level = stock.entry((sku.clone(), warehouse.clone())).or_default();
        *level = level.after(*change);
    }
}
