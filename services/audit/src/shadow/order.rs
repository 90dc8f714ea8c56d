use std::cell::Cell;

use minuet_events::Event;
use minuet_messaging::Cause;
use minuet_order::domain::{Decision, Input, Order};

use super::products::ProductHistory;
use super::search::{Emits, Side, Taken};
use super::{Build, cause};
use crate::record::Record;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    order: Order,
    sequence: i64,
    submission: Option<Cause>,
}

impl Default for State {
    fn default() -> Self {
        State { order: Order::Unknown, sequence: 0, submission: None }
    }
}

/// The order service's side.
pub(super) struct Orders<'a> {
    pub(super) build: &'a Build,
    pub(super) products: &'a ProductHistory,
    pub(super) unproven: &'a Cell<u64>,
}

impl Orders<'_> {
    fn decide(&self, state: &State, input: Input<'_>, cause: Cause) -> Result<Taken<State>, String> {
        let Decision { change, emit } =
            (self.build.order)(&state.order, input).map_err(|illegal| illegal.to_string())?;
        let mut state = state.clone();
        if let Some(change) = &change {
            if matches!(input, Input::Submitted { .. }) {
                state.submission = Some(cause);
            }
            state.order = state.order.after(change);
        }
        let emits = emit.map(|event| {
            state.sequence += 1;
            Emits { cause, event, sequence: Some(state.sequence) }
        });
        Ok(Taken { state, emits })
    }
}

impl Side for Orders<'_> {
    type State = State;

    fn take(
        &self,
        state: &State,
        input: &Record,
        expected: Option<&Record>,
    ) -> Vec<Result<Taken<State>, String>> {
        let products;
        let decided = match &input.event {
            Event::OrderSubmitted(submitted) => {
                let mut unproven = self.unproven.get();
                products = match expected.map(|expected| (&expected.event, expected.head.time)) {
                    Some((Event::OrderPlaced(placed), _)) => self.products.of_placed(placed, &mut unproven),
                    Some((Event::OrderRejected(rejected), at)) => {
                        self.products.of_rejected(submitted, rejected, at, &mut unproven)
                    }
                    _ => self.products.of_submitted(submitted, input.head.time),
                };
                self.unproven.set(unproven);
                Input::Submitted { submitted, products: &products }
            }
            Event::OrderCancellationRequested(requested) => {
                Input::CancellationRequested { requested, request: input.head.id }
            }
            Event::PaymentSucceeded(event) => Input::PaymentSucceeded(event),
            Event::PaymentFailed(event) => Input::PaymentFailed(event),
            Event::PaymentRefunded(event) => Input::PaymentRefunded(event),
            Event::InventoryConfirmed(event) => Input::InventoryConfirmed(event),
            Event::InventoryRejected(event) => Input::InventoryRejected(event),
            Event::InventoryConfirmationFailed(event) => Input::InventoryConfirmationFailed(event),
            Event::ReservationExpired(event) => Input::ReservationExpired(event),
            // Kept for whoever asked, and no part of the order.
            _ => return vec![Ok(Taken { state: state.clone(), emits: None })],
        };
        vec![self.decide(state, decided, cause(input))]
    }

    /// The deadline.
    fn own(&self, state: &State, expected: &Record) -> Option<Taken<State>> {
        let is_cancelled = matches!(expected.event, Event::OrderCancelled(_));
        let cause = state.submission.filter(|cause| is_cancelled && expected.head.cause == Some(cause.id))?;
        self.decide(state, Input::DeadlinePassed, cause).ok().filter(|taken| taken.emits.is_some())
    }
}
