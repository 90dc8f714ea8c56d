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

    /// The reservation after a change: every change and every state is written out.
    ///
    /// # Errors
    /// The state does not allow the change. `decide` never asks for such a change.
    pub fn after(&self, change: &Change) -> Result<Reservation, InvalidTransition> {
        use Reservation::{Confirmed, Rejected, Released, Reserved, Unknown};
        let invalid = || Err(InvalidTransition { state: self.state(), change: change.clone() });
        match change {
            Change::Reserved(held) => match self {
                Unknown => Ok(Reserved(held.clone())),
                Reserved(_) | Confirmed(_) | Released | Rejected => invalid(),
            },
            Change::Rejected => match self {
                Unknown => Ok(Rejected),
                Reserved(_) | Confirmed(_) | Released | Rejected => invalid(),
            },
            Change::Confirmed => match self {
                Reserved(held) => Ok(Confirmed(held.clone())),
                Unknown | Confirmed(_) | Released | Rejected => invalid(),
            },
            Change::Released => match self {
                Reserved(_) | Confirmed(_) => Ok(Released),
                Unknown | Released | Rejected => invalid(),
            },
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

impl Change {
    pub const fn name(&self) -> &'static str {
        match self {
            Change::Reserved(_) => "reserved",
            Change::Rejected => "rejected",
            Change::Confirmed => "confirmed",
            Change::Released => "released",
        }
    }
}

/// A change that a state does not allow: a bug, since `decide` looks at the state first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reservation that is {state} does not allow the change \"{}\"", change.name())]
pub struct InvalidTransition {
    pub state: ReservationState,
    pub change: Change,
}

/// Applies a decision's moves to the levels.
pub fn shift(stock: &mut Stock, moves: &[(Sku, WarehouseCode, Move)]) {
    for (sku, warehouse, change) in moves {
        let level = stock.entry((sku.clone(), warehouse.clone())).or_default();
        *level = level.after(*change);
    }
}
