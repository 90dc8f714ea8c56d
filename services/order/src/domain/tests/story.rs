//! given / when / then: an order, an event, what becomes of it.

use minuet_events::Event;

use super::samples::{EVENT, catalogue};
use crate::domain::{Change, Decision, Illegal, Input, Order, decide};

#[derive(Clone, Debug)]
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

/// None: the event is no input of an order's decisions.
pub(super) fn decide_event(order: &Order, event: &Event) -> Option<Result<Decision, Illegal>> {
    Input::of(event, EVENT, &catalogue()).map(|input| decide(order, input))
}

/// The state that a decision leads to: each decision is one that its state allows.
#[track_caller]
pub(super) fn after(order: &Order, decision: &Decision) -> Order {
    decision.change.as_ref().map_or_else(|| order.clone(), |change| order.after(change).unwrap())
}

pub(super) fn given(order: Order) -> Given {
    Given(order)
}

pub(super) struct Given(Order);

impl Given {
    #[track_caller]
    pub(super) fn when(self, happening: impl Into<Happening>) -> Then {
        let happening = happening.into();
        let decided = match &happening {
            Happening::Event(event) => decide_event(&self.0, event),
            Happening::Deadline => Some(decide(&self.0, Input::DeadlinePassed)),
        };
        Then { decided: decided.expect("an event of an order's"), happening, before: self.0 }
    }
}

#[must_use]
pub(super) struct Then {
    before: Order,
    happening: Happening,
    decided: Result<Decision, Illegal>,
}

impl Then {
    #[track_caller]
    pub(super) fn then(self, order: Order) -> Self {
        assert_eq!(self.after(), order, "{:?} in {:?}", self.happening, self.before);
        self
    }

    #[track_caller]
    pub(super) fn emits<const N: usize>(self, events: [Event; N]) -> Given {
        let emitted = Vec::from_iter(self.decision().emit.clone());
        assert_eq!(emitted, events, "{:?} in {:?}", self.happening, self.before);
        Given(self.after())
    }

    /// What was asked is answered, and nothing changes.
    #[track_caller]
    pub(super) fn answers(self, event: Event) -> Given {
        assert_eq!(self.decision().change, None, "{:?} in {:?}", self.happening, self.before);
        self.emits([event])
    }

    /// The change keeps the state, and nothing is emitted.
    #[track_caller]
    pub(super) fn changes(self, change: Change) -> Given {
        let before = self.before.clone();
        assert_eq!(self.decision().change, Some(change), "{:?} in {:?}", self.happening, self.before);
        self.then(before).emits([])
    }

    #[track_caller]
    pub(super) fn does_nothing(self) -> Given {
        let decision = self.decision();
        assert!(decision.is_no_op(), "{:?} in {:?} is no no-op: {decision:?}", self.happening, self.before);
        Given(self.before)
    }

    #[track_caller]
    pub(super) fn cannot_happen(self) {
        let Happening::Event(event) = &self.happening else { panic!("time is never illegal") };
        let illegal = Illegal { state: self.before.state(), event: event.event_type() };
        assert_eq!(self.decided, Err(illegal), "{event:?} in {:?}", self.before);
    }

    #[track_caller]
    fn after(&self) -> Order {
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
