//! given / when / then: a reservation, an event, what becomes of it and of the stock. Every level that moves is looked at.

use std::collections::BTreeMap;

use minuet_events::Event;
use minuet_events::values::Micros;

use super::samples::{EXPIRES_AT, ORDER, free, gone, held_back};
use crate::domain::{self, Decision, Illegal, Input, Level, Reservation, Stock, decide};

#[derive(Clone, Debug)]
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

/// None: the event is no input of a reservation's decisions.
pub(super) fn decide_event(
    reservation: &Reservation,
    event: &Event,
    stock: &Stock,
) -> Option<Result<Decision, Illegal>> {
    Input::of(event, EXPIRES_AT).map(|input| decide(reservation, input, stock))
}

/// The state that a decision leads to: each decision is one that its state allows.
#[track_caller]
pub(super) fn after(reservation: &Reservation, decision: &Decision) -> Reservation {
    let change = decision.change.as_ref();
    change.map_or_else(|| reservation.clone(), |change| reservation.after(change).unwrap())
}

/// Moves what is to be moved. Always, of every level: nothing is negative, nothing is lost, and each change is counted.
#[track_caller]
pub(super) fn shift(stock: &mut Stock, decision: &Decision) {
    for one in &decision.moves {
        let shelf = (one.0.clone(), one.1.clone());
        let version = stock.get(&shelf).map_or(0, |level| level.version);
        domain::shift(stock, std::slice::from_ref(one));
        balanced(&stock[&shelf]);
        assert_eq!(stock[&shelf].version, version + 1, "versions are dense");
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
    Given { reservation, stock }
}

pub(super) struct Given {
    reservation: Reservation,
    stock: Stock,
}

impl Given {
    pub(super) fn and_stock(self, stock: Stock) -> Self {
        Given { stock, ..self }
    }

    #[track_caller]
    pub(super) fn when(self, happening: impl Into<Happening>) -> Then {
        let Given { reservation: before, stock: stock_before } = self;
        let happening = happening.into();
        let decided = match &happening {
            Happening::Event(event) => {
                decide_event(&before, event, &stock_before).expect("an event of a reservation's")
            }
            Happening::Sweep(now) => {
                decide(&before, Input::Due { order_id: ORDER, now: *now }, &stock_before)
            }
        };
        let mut stock = stock_before.clone();
        if let Ok(decision) = &decided {
            shift(&mut stock, decision);
        }
        Then { before, stock_before, happening, decided, stock }
    }
}

#[must_use]
pub(super) struct Then {
    before: Reservation,
    stock_before: Stock,
    happening: Happening,
    decided: Result<Decision, Illegal>,
    stock: Stock,
}

impl Then {
    #[track_caller]
    pub(super) fn then(self, reservation: Reservation) -> Self {
        assert_eq!(self.after(), reservation, "{:?} in {:?}", self.happening, self.before);
        self
    }

    /// The levels, whatever their versions.
    #[track_caller]
    pub(super) fn leaves(self, stock: Stock) -> Self {
        self.decision();
        assert_eq!(
            unversioned(&self.stock),
            unversioned(&stock),
            "{:?} in {:?}",
            self.happening,
            self.before
        );
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
        assert_eq!(emitted, events, "{:?} in {:?}", self.happening, self.before);
        Given { reservation: self.after(), stock: self.stock }
    }

    /// What was asked is answered; neither the reservation nor any stock moves.
    #[track_caller]
    pub(super) fn answers(self, event: Event) -> Given {
        assert_eq!((&self.decision().change, &self.stock), (&None, &self.stock_before));
        self.emits([event])
    }

    #[track_caller]
    pub(super) fn does_nothing(self) -> Given {
        let decision = self.decision();
        assert!(decision.is_no_op(), "{:?} in {:?} is no no-op: {decision:?}", self.happening, self.before);
        assert_eq!(self.stock, self.stock_before);
        Given { reservation: self.before, stock: self.stock }
    }

    #[track_caller]
    pub(super) fn cannot_happen(self) {
        let Happening::Event(event) = &self.happening else { panic!("time is never illegal") };
        let illegal = Illegal { state: self.before.state(), event: event.event_type() };
        assert_eq!(self.decided, Err(illegal), "{event:?} in {:?}", self.before);
    }

    #[track_caller]
    fn after(&self) -> Reservation {
        after(&self.before, self.decision())
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
