//! given / when / then, over the real row: what `decide` says is applied as the reactor applies it.

use minuet_events::Event;
use minuet_events::values::Micros;

use super::samples::{EVENT, ORDER, catalogue};
use crate::domain::{Decision, Illegal, Input, Order, decide};
use crate::row::Row;

const NOW: Micros = Micros(1_000_000);

pub(super) enum Happening {
    Event(Event),
    Deadline,
}

/// The sweeper finds the order too old.
pub(super) const DEADLINE: Happening = Happening::Deadline;

impl From<Event> for Happening {
    fn from(event: Event) -> Self {
        Happening::Event(event)
    }
}

/// None: the event is none of an order's.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is no order's business need not be listed")]
pub(super) fn decide_event(order: &Order, event: &Event) -> Option<Result<Decision, Illegal>> {
    let products = catalogue();
    let input = match event {
        Event::OrderSubmitted(submitted) => Input::Submitted { submitted, products: &products },
        Event::OrderCancellationRequested(requested) => {
            Input::CancellationRequested { requested, request: EVENT }
        }
        Event::PaymentSucceeded(event) => Input::PaymentSucceeded(event),
        Event::PaymentFailed(event) => Input::PaymentFailed(event),
        Event::PaymentRefunded(event) => Input::PaymentRefunded(event),
        Event::InventoryConfirmed(event) => Input::InventoryConfirmed(event),
        Event::InventoryRejected(event) => Input::InventoryRejected(event),
        Event::InventoryConfirmationFailed(event) => Input::InventoryConfirmationFailed(event),
        Event::ReservationExpired(event) => Input::ReservationExpired(event),
        _ => return None,
    };
    Some(decide(order, input))
}

/// The state that a decision leads to.
pub(super) fn after(order: &Order, decision: &Decision) -> Order {
    let mut row = row(order.clone());
    apply(&mut row, decision);
    row.order
}

pub(super) fn given(order: Order) -> Given {
    Given { row: row(order) }
}

pub(super) struct Given {
    row: Row,
}

impl Given {
    #[track_caller]
    pub(super) fn when(mut self, happening: impl Into<Happening>) -> Then {
        let (before, version) = (self.row.order.clone(), self.row.version);
        let (event, decided) = match happening.into() {
            Happening::Event(event) => (event.event_type().name(), decide_event(&before, &event)),
            Happening::Deadline => ("DeadlinePassed", Some(decide(&before, Input::DeadlinePassed))),
        };
        let decided = decided.expect("an event of an order's");
        if let Ok(decision) = &decided {
            apply(&mut self.row, decision);
        }
        let counted = decided.as_ref().is_ok_and(|decision| decision.change.is_some());
        assert_eq!(self.row.version, version + i32::from(counted), "the row's version counts its changes");
        Then { before, event, decided, row: self.row }
    }
}

#[must_use]
pub(super) struct Then {
    before: Order,
    event: &'static str,
    decided: Result<Decision, Illegal>,
    row: Row,
}

impl Then {
    #[track_caller]
    pub(super) fn then(self, order: Order) -> Self {
        self.decision();
        assert_eq!(self.row.order, order, "{} in {:?}", self.event, self.before);
        self
    }

    #[track_caller]
    pub(super) fn emits<const N: usize>(self, events: [Event; N]) -> Given {
        assert_eq!(
            Vec::from_iter(self.decision().emit.clone()),
            events,
            "{} in {:?}",
            self.event,
            self.before
        );
        Given { row: self.row }
    }

    /// What was asked is answered, and nothing changes.
    #[track_caller]
    pub(super) fn answers(self, event: Event) -> Given {
        let before = self.before.clone();
        self.then(before).emits([event])
    }

    #[track_caller]
    pub(super) fn does_nothing(self) -> Given {
        assert!(
            self.decision().is_no_op(),
            "{} in {:?} is no no-op: {:?}",
            self.event,
            self.before,
            self.decided
        );
        Given { row: self.row }
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

/// A row as the store loads it in this state.
fn row(order: Order) -> Row {
    let payment_id = match &order {
        Order::Paid(_, payment) => Some(*payment),
        Order::Confirmed(_, payment) => *payment,
        Order::Unknown | Order::Tombstone(_) | Order::Pending(_) | Order::Cancelled | Order::Failed => None,
    };
    Row { order, payment_id, ..Row::unknown(ORDER, NOW) }
}

fn apply(row: &mut Row, decision: &Decision) {
    if let Some(change) = decision.change.clone() {
        row.apply(change, None, NOW);
    }
}
