//! given / when / then: a payment, an event or the provider's word, what becomes of it.

use std::sync::LazyLock;

use minuet_events::Event;
use minuet_events::values::{Micros, RefundId};

use super::samples::{ACTION, DISPUTE, EVENT, EXPIRES_AT, ORDER, refund};
use crate::domain::{Answer, Change, Decision, Illegal, Input, InputKind, Payment, decide};

#[derive(Clone, Debug)]
pub(super) enum Happening {
    Event(Event, Micros),
    Answer(Answer),
    Refunded(RefundId),
    ActionRequired,
    Disputed,
}

/// The provider has given everything back that is left.
pub(super) static GIVEN_BACK: LazyLock<Happening> =
    LazyLock::new(|| Happening::Refunded(refund("").refund_id));

/// Events come in time, unless it is said when.
impl From<Event> for Happening {
    fn from(event: Event) -> Self {
        at(Micros(EXPIRES_AT.0 - 1), event)
    }
}

impl From<Answer> for Happening {
    fn from(answer: Answer) -> Self {
        Happening::Answer(answer)
    }
}

pub(super) fn at(now: Micros, event: Event) -> Happening {
    Happening::Event(event, now)
}

impl Happening {
    /// None: the event is no input of a payment's decisions.
    fn input(&self) -> Option<Input<'_>> {
        match self {
            Happening::Event(event, now) => Input::of(event, EVENT, *now),
            Happening::Answer(answer) => Some(Input::Answered(answer)),
            Happening::Refunded(refund) => Some(Input::Refunded(*refund)),
            Happening::ActionRequired => {
                Some(Input::ActionRequired { action: &ACTION, reserved_until: EXPIRES_AT })
            }
            Happening::Disputed => Some(Input::Disputed { order_id: ORDER, dispute: &DISPUTE }),
        }
    }
}

pub(super) fn decide_on(payment: &Payment, happening: &Happening) -> Option<Result<Decision, Illegal>> {
    happening.input().map(|input| decide(payment, input))
}

/// The state that a decision leads to: each decision is one that its state allows.
#[track_caller]
pub(super) fn after(payment: &Payment, decision: &Decision) -> Payment {
    decision.changes.iter().fold(payment.clone(), |payment, change| payment.after(change).unwrap())
}

pub(super) fn given(payment: Payment) -> Given {
    Given(payment)
}

pub(super) struct Given(Payment);

impl Given {
    #[track_caller]
    pub(super) fn when(self, happening: impl Into<Happening>) -> Then {
        let happening = happening.into();
        let input = happening.input().expect("an event of a payment's");
        Then { input: input.kind(), decided: decide(&self.0, input), before: self.0 }
    }
}

#[must_use]
pub(super) struct Then {
    before: Payment,
    input: InputKind,
    decided: Result<Decision, Illegal>,
}

impl Then {
    #[track_caller]
    pub(super) fn then(self, payment: Payment) -> Self {
        assert_eq!(self.after(), payment, "{} in {:?}", self.input, self.before);
        self
    }

    /// In this order, where it matters.
    #[track_caller]
    pub(super) fn by<const N: usize>(self, changes: [Change; N]) -> Self {
        assert_eq!(self.decision().changes, changes, "{} in {:?}", self.input, self.before);
        self
    }

    #[track_caller]
    pub(super) fn emits<const N: usize>(self, events: [Event; N]) -> Given {
        let emitted = Vec::from_iter(self.decision().emit.clone());
        assert_eq!(emitted, events, "{} in {:?}", self.input, self.before);
        Given(self.after())
    }

    /// What was asked is answered, and nothing changes.
    #[track_caller]
    pub(super) fn answers(self, event: Event) -> Given {
        self.by([]).emits([event])
    }

    #[track_caller]
    pub(super) fn does_nothing(self) -> Given {
        let decision = self.decision();
        assert!(decision.is_no_op(), "{} in {:?} is no no-op: {decision:?}", self.input, self.before);
        Given(self.before)
    }

    #[track_caller]
    pub(super) fn cannot_happen(self) {
        assert_eq!(self.decided, Err(Illegal { state: self.before.state(), input: self.input }));
    }

    #[track_caller]
    fn after(&self) -> Payment {
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
