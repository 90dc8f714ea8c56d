use minuet_events::Event;
use minuet_events::values::Micros;
use minuet_messaging::Cause;
use minuet_payment::domain::{Answer, Change, Decision, Input, Payment};

use super::emits::Emits;
use super::search::{Decider, Taken};
use super::{Build, cause};
use crate::record::Record;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    payment: Payment,
    sequence: i64,
    reserved: Option<Cause>,
    refund: Option<Cause>,
    /// What asked for everything that is left while a part was due.
    rest: Option<Cause>,
}

impl Default for State {
    fn default() -> Self {
        State { payment: Payment::Unknown, sequence: 0, reserved: None, refund: None, rest: None }
    }
}

/// The payment service. The provider's answers are those that the service's events tell of.
pub(super) struct Payments<'a> {
    pub(super) build: &'a Build,
}

impl Payments<'_> {
    /// `asked`: what the change is kept as the cause of; `told`: what the event is derived from.
    fn decide(
        &self,
        state: &State,
        input: Input<'_>,
        asked: Cause,
        told: Cause,
    ) -> Result<Taken<State>, String> {
        let Decision { changes, emit } =
            (self.build.payment)(&state.payment, input).map_err(|illegal| illegal.to_string())?;
        let mut state = state.clone();
        for change in &changes {
            match change {
                Change::Intent(_) | Change::Refused { .. } => state.reserved = Some(asked),
                Change::RefundDue(_) => state.refund = Some(state.rest.take().unwrap_or(asked)),
                Change::StopRequested { .. } if matches!(state.payment, Payment::PartialRefundDue { .. }) => {
                    state.rest = Some(asked);
                }
                Change::Prevented { .. }
                | Change::StopRequested { .. }
                | Change::Captured { .. }
                | Change::Declined { .. }
                | Change::Refunded => {}
            }
            state.payment = state.payment.after(change).map_err(|invalid| invalid.to_string())?;
        }
        let emits = emit.map(|event| {
            // Of an order that it does not know there is no row to draw a number from.
            let sequence = (state.payment != Payment::Unknown).then(|| {
                state.sequence += 1;
                state.sequence
            });
            Emits { cause: told, event, sequence }
        });
        Ok(Taken { state, emits })
    }
}

impl Decider for Payments<'_> {
    type State = State;

    fn take(
        &self,
        state: &State,
        input: &Record,
        expected: Option<&Record>,
    ) -> Vec<Result<Taken<State>, String>> {
        let by = cause(input);
        let at = |now: Micros| match Input::of(&input.event, input.head.id, now) {
            Some(decided) => self.decide(state, decided, by, by),
            // It decides nothing about the payment.
            None => Ok(Taken { state: state.clone(), emits: None }),
        };
        let Event::InventoryReserved(reserved) = &input.event else { return vec![at(input.head.time)] };
        // When it came is not in the record, but for whether that was too late.
        let in_time = at(input.head.time.min(Micros(reserved.expires_at.0 - 1)));
        match expected {
            Some(Record { head, event: Event::PaymentFailed(_) }) if head.time >= reserved.expires_at => {
                vec![at(head.time), in_time]
            }
            _ => vec![in_time],
        }
    }

    /// The provider answers.
    fn spontaneous(&self, state: &State, expected: &Record) -> Option<Taken<State>> {
        if let Event::PaymentRefunded(refunded) = &expected.event {
            let told = state.refund?;
            return self.decide(state, Input::Refunded(refunded.refund_id), told, told).ok();
        }
        let answer = answer(&expected.event)?;
        let told = state.reserved?;
        let taken = self.decide(state, Input::Answered(&answer), told, told).ok()?;
        taken.emits.is_some().then_some(taken)
    }
}

/// What the provider said about a charge, as far as the event tells of it.
pub(crate) fn answer(told: &Event) -> Option<Answer> {
    let response = String::new();
    match told {
        Event::PaymentSucceeded(e) => {
            Some(Answer::Captured { transaction_id: e.transaction_id.clone(), response })
        }
        Event::PaymentFailed(e) => Some(Answer::Declined { reason: e.reason.clone(), response }),
        _ => None,
    }
}
