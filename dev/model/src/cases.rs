//! Every case that was met, and what the real services decide about it.

use std::collections::BTreeSet;

use minuet_events::EventType;
use minuet_saga::Trigger;
use parking_lot::Mutex;

use crate::service::{Service, inventory, order, payment};
use crate::state::{Broken, Message, OrderRow, PaymentRow, ReservationRow, SHELVES, Shelf};
use crate::table::{Memo, Table};

/// Every row that was met, and what was decided about it: each case once, by the real services.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    pub(crate) orders: Table<order::Row>,
    pub(crate) reservations: Table<inventory::Row>,
    pub(crate) payments: Table<payment::Row>,
    pub(crate) of_orders: Memo<Case, Outcome<OrderRow>>,
    pub(crate) of_reservations: Memo<(Case, Levels), Outcome<(ReservationRow, Levels)>>,
    pub(crate) of_payments: Memo<Case, Outcome<PaymentRow>>,
    pub(crate) met: Mutex<BTreeSet<Cell>>,
}

/// A cell of a service's table of reactions: what happened, and in which state.
pub type Cell = (Service, Trigger<EventType>, &'static str);

pub(crate) type Levels = [Shelf; SHELVES];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Case {
    pub(crate) order: u8,
    pub(crate) row: u16,
    pub(crate) happening: Happening,
}

/// What a service decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Happening {
    /// `late`: the service's clock is past `expires_at`.
    Message {
        message: Message,
        late: bool,
    },
    /// A sweeper found it due.
    Due,
    Answered {
        captured: bool,
    },
    /// `again`: the refund before the one that is due, by an old process.
    Refunded {
        again: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome<R> {
    pub(crate) row: R,
    pub(crate) emit: Option<Emitted>,
    pub(crate) broken: Broken,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Emitted {
    pub(crate) message: Message,
    pub(crate) kind: EventType,
    /// The number of the id of the request that it refuses.
    pub(crate) refuses: Option<u16>,
}
