use std::cell::Cell;

use minuet_events::Event;
use minuet_messaging::Cause;
use minuet_order::domain::{Decision, Input, Order, Products};

use super::emits::Emits;
use super::products::ProductHistory;
use super::search::{Decider, Taken};
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

/// The order service.
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
            state.order = state.order.after(change).map_err(|invalid| invalid.to_string())?;
        }
        let emits = emit.map(|event| {
            state.sequence += 1;
            Emits { cause, event, sequence: Some(state.sequence) }
        });
        Ok(Taken { state, emits })
    }
}

impl Orders<'_> {
    /// The products that a submission was priced by, as its outcome tells of them.
    fn products(&self, input: &Record, expected: Option<&Record>) -> Products {
        let Event::OrderSubmitted(submitted) = &input.event else { return Products::new() };
        let mut unproven = self.unproven.get();
        let products = match expected.map(|expected| (&expected.event, expected.head.time)) {
            Some((Event::OrderPlaced(placed), _)) => self.products.of_placed(placed, &mut unproven),
            Some((Event::OrderRejected(rejected), at)) => {
                self.products.of_rejected(submitted, rejected, at, &mut unproven)
            }
            _ => self.products.of_submitted(submitted, input.head.time),
        };
        self.unproven.set(unproven);
        products
    }
}

impl Decider for Orders<'_> {
    type State = State;

    fn take(
        &self,
        state: &State,
        input: &Record,
        expected: Option<&Record>,
    ) -> Vec<Result<Taken<State>, String>> {
        let products = self.products(input, expected);
        match Input::of(&input.event, input.head.id, &products) {
            Some(decided) => vec![self.decide(state, decided, cause(input))],
            // It decides nothing about the order.
            None => vec![Ok(Taken { state: state.clone(), emits: None })],
        }
    }

    /// The deadline.
    fn spontaneous(&self, state: &State, expected: &Record) -> Option<Taken<State>> {
        let is_cancelled = matches!(expected.event, Event::OrderCancelled(_));
        let cause = state.submission.filter(|cause| is_cancelled && expected.head.cause == Some(cause.id))?;
        self.decide(state, Input::DeadlinePassed, cause).ok().filter(|taken| taken.emits.is_some())
    }
}
