//! given / when / then, over the real row: what `decide` says is applied as the reactor applies it, and every level that
//! moves is looked at.

use std::collections::BTreeMap;

use minuet_events::values::{Micros, OrderId};
use minuet_events::{Event, TraceContext};
use minuet_messaging::Cause;
use uuid::Uuid;

use super::samples::{EXPIRES_AT, ORDER, free, gone, held_back};
use crate::domain::{Decision, Illegal, Input, Level, Reservation, Stock, decide};
use crate::row::Row;

pub(super) enum Happening {
    Event(Event),
    Sweep(Micros),
}

/// The sweeper comes by.
pub(super) fn sweep(now: Micros) -> Happening {
    Happening::Sweep(now)
}

impl From<Event> for Happening {
    fn from(event: Event) -> Self {
        Happening::Event(event)
    }
}

/// None: the event is none of a reservation's.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is no reservation's business need not be listed")]
pub(super) fn decide_event(
    reservation: &Reservation,
    event: &Event,
    stock: &Stock,
) -> Option<Result<Decision, Illegal>> {
    let order_id = OrderId::parse(&event.key()).ok()?;
    let input = match event {
        Event::OrderPlaced(placed) => Input::Placed { placed, expires_at: EXPIRES_AT },
        Event::PaymentSucceeded(_) => Input::PaymentSucceeded { order_id },
        Event::PaymentFailed(_) => Input::PaymentFailed { order_id },
        Event::PaymentRefunded(_) => Input::PaymentRefunded { order_id },
        Event::OrderCancelled(_) => Input::OrderCancelled { order_id },
        _ => return None,
    };
    Some(decide(reservation, input, stock))
}

/// The state that a decision leads to.
pub(super) fn after(reservation: &Reservation, decision: &Decision) -> Reservation {
    let mut row = row(reservation.clone());
    if let Some(change) = decision.change.clone() {
        row.apply(change, EXPIRES_AT);
    }
    row.reservation
}

/// Moves what is to be moved. Always, of every level: nothing is negative, nothing is lost, and each change is counted.
#[track_caller]
pub(super) fn shift(stock: &mut Stock, decision: &Decision) {
    for (sku, warehouse, change) in &decision.moves {
        let level = stock.entry((sku.clone(), warehouse.clone())).or_default();
        let before = *level;
        *level = level.after(*change);
        balanced(level);
        assert_eq!(level.version, before.version + 1, "versions are dense");
    }
}

#[track_caller]
pub(super) fn balanced(level: &Level) {
    assert!(level.available >= 0 && level.reserved >= 0 && level.on_hand >= 0, "{level:?}");
    assert_eq!(level.on_hand, level.available + level.reserved, "{level:?}");
}

/// With the stock of that state: free, held back, or gone.
pub(super) fn given(reservation: Reservation) -> Given {
    let stock = match reservation {
        Reservation::Unknown | Reservation::Released | Reservation::Rejected => free(),
        Reservation::Reserved(_) => held_back(),
        Reservation::Confirmed(_) => gone(),
    };
    Given { row: row(reservation), stock }
}

pub(super) struct Given {
    row: Row,
    stock: Stock,
}

impl Given {
    pub(super) fn and_stock(self, stock: Stock) -> Self {
        Given { stock, ..self }
    }

    #[track_caller]
    pub(super) fn when(self, happening: impl Into<Happening>) -> Then {
        let Given { mut row, mut stock } = self;
        let (before, version) = (row.reservation.clone(), row.version);
        let (event, decided) = match happening.into() {
            Happening::Event(event) => (
                event.event_type().name(),
                decide_event(&before, &event, &stock).expect("an event for stock"),
            ),
            Happening::Sweep(now) => ("Due", decide(&before, Input::Due { order_id: ORDER, now }, &stock)),
        };
        let stock_before = stock.clone();
        if let Ok(Decision { change: Some(change), .. }) = &decided {
            row.apply(change.clone(), EXPIRES_AT);
        }
        if let Ok(decision) = &decided {
            shift(&mut stock, decision);
            let counted = i32::from(decision.change.is_some());
            assert_eq!(row.version, version + counted, "the row's version counts its changes");
        }
        Then { before, stock_before, event, decided, row, stock }
    }
}

#[must_use]
pub(super) struct Then {
    before: Reservation,
    stock_before: Stock,
    event: &'static str,
    decided: Result<Decision, Illegal>,
    row: Row,
    stock: Stock,
}

impl Then {
    #[track_caller]
    pub(super) fn then(self, reservation: Reservation) -> Self {
        self.decision();
        assert_eq!(self.row.reservation, reservation, "{} in {:?}", self.event, self.before);
        self
    }

    /// The levels, whatever their versions.
    #[track_caller]
    pub(super) fn leaves(self, stock: Stock) -> Self {
        self.decision();
        assert_eq!(unversioned(&self.stock), unversioned(&stock), "{} in {:?}", self.event, self.before);
        self
    }

    /// The one event, where it matters elsewhere which one it is.
    #[track_caller]
    pub(super) fn emitted(&self) -> Event {
        self.decision().emit.clone().expect("an event")
    }

    #[track_caller]
    pub(super) fn emits<const N: usize>(self, events: [Event; N]) -> Given {
        let emitted = Vec::from_iter(self.decision().emit.clone());
        assert_eq!(emitted, events, "{} in {:?}", self.event, self.before);
        Given { row: self.row, stock: self.stock }
    }

    /// What was asked is answered; neither the reservation nor any stock moves.
    #[track_caller]
    pub(super) fn answers(self, event: Event) -> Given {
        assert_eq!(self.stock, self.stock_before);
        let before = self.before.clone();
        self.then(before).emits([event])
    }

    #[track_caller]
    pub(super) fn does_nothing(self) -> Given {
        let decision = self.decision();
        assert!(decision.is_no_op(), "{} in {:?} is no no-op: {decision:?}", self.event, self.before);
        assert_eq!(self.stock, self.stock_before);
        Given { row: self.row, stock: self.stock }
    }

    #[track_caller]
    pub(super) fn cannot_happen(self) {
        assert_eq!(self.decided, Err(Illegal { state: self.before.name(), event: self.event }));
    }

    #[track_caller]
    fn decision(&self) -> &Decision {
        match &self.decided {
            Ok(decision) => decision,
            Err(illegal) => panic!("{illegal}"),
        }
    }
}

fn unversioned(stock: &Stock) -> BTreeMap<String, (i64, i64, i64)> {
    let level = |level: &Level| (level.available, level.reserved, level.on_hand);
    stock.iter().map(|((sku, warehouse), at)| (format!("{sku} in {warehouse}"), level(at))).collect()
}

/// A row as the store loads it in this state.
fn row(reservation: Reservation) -> Row {
    let cause = Cause { id: Uuid::nil(), time: EXPIRES_AT };
    let trace = TraceContext::derived("/somebody", Uuid::nil());
    let mut row = Row::unknown(ORDER, cause, &trace, EXPIRES_AT);
    if let Reservation::Reserved(held) | Reservation::Confirmed(held) = &reservation {
        row.held = held.clone();
    }
    row.reservation = reservation;
    row
}
