//! The reaction table says what `decide` does: no more, no less.

use minuet_events::{Event, EventType};
use minuet_saga::Trigger;
use minuet_saga::conformance::{Case, Observed, mismatches, mutants};

use super::samples::*;
use super::story::{after, decide_event};
use crate::domain::{Decision, Illegal, Input, Order};
use crate::react::PARTICIPANT;

const STATELESS: &[EventType] = &[
    EventType::ProductChanged,
    EventType::RefundRejected,
    EventType::PaymentActionRequired,
    EventType::PaymentDisputed,
];

type Decide = fn(&Order, &Event) -> Option<Result<Decision, Illegal>>;

fn cases(decide: Decide) -> Vec<Case<EventType>> {
    let states = [
        unknown(),
        cancelled_before_submission(["anna"]),
        cancelled_before_submission(["bert"]),
        pending(),
        paid(),
        confirmed(),
        confirmed_before_its_payment(),
        cancelled(),
        failed(),
    ];
    let events = [
        submitted(),
        submitted_in_vain(),
        cancellation_requested_by("anna"),
        cancellation_requested_by("bert"),
        payment_succeeded(),
        payment_failed(),
        payment_refunded(),
        payment_refunded_in_part(),
        inventory_confirmed(),
        inventory_rejected(),
        inventory_confirmation_failed(),
        reservation_expired(),
    ];
    let case = |on: Trigger<EventType>, state: &Order, decided: Option<Result<Decision, Illegal>>| {
        let observed = match decided {
            None | Some(Err(_)) => Observed::Illegal,
            Some(Ok(decision)) if decision.is_no_op() => Observed::NoOp,
            Some(Ok(decision)) => Observed::Applied {
                becomes: after(state, &decision).state().name(),
                emits: decision.emit.map(|event| event.event_type()),
            },
        };
        Case { on, state: state.state().name(), observed }
    };
    let mut cases = Vec::new();
    for state in &states {
        for event in &events {
            cases.push(case(Trigger::Event(event.event_type()), state, decide(state, event)));
        }
        let passed = crate::domain::decide(state, Input::DeadlinePassed);
        cases.push(case(Trigger::Time("deadline"), state, Some(passed)));
    }
    cases
}

#[test]
fn the_table_equals_the_decisions() {
    assert_eq!(mismatches(&PARTICIPANT, &cases(decide_event), STATELESS), Vec::<String>::new());
}

#[test]
fn a_wrong_row_is_noticed() {
    let cases = cases(decide_event);
    for mutant in mutants(&PARTICIPANT) {
        assert!(!mismatches(&mutant, &cases, STATELESS).is_empty(), "not noticed: {mutant:#?}");
    }
}

#[test]
fn a_wrong_decision_is_noticed() {
    let broken: [(&str, Decide); 4] = [
        ("PaymentFailed in cancelled has a row, but is decided illegal", |order, event| {
            match (order, event) {
                (Order::Cancelled, Event::PaymentFailed(_)) => {
                    Some(Err(Illegal { state: order.state(), event: event.event_type() }))
                }
                _ => decide_event(order, event),
            }
        }),
        ("InventoryConfirmed in failed has no row", |order, event| match (order, event) {
            (Order::Failed, Event::InventoryConfirmed(_)) => Some(Ok(Decision::default())),
            _ => decide_event(order, event),
        }),
        ("InventoryConfirmed in pending has a row with", |order, event| match (order, event) {
            (Order::Pending(_), Event::InventoryConfirmed(_)) => Some(Ok(Decision::default())),
            _ => decide_event(order, event),
        }),
        ("ReservationExpired in paid has a row with", |order, event| match (order, event) {
            (Order::Paid(..), Event::ReservationExpired(_)) => decide_event(order, event)
                .map(|decided| decided.map(|decision| Decision { emit: None, ..decision })),
            _ => decide_event(order, event),
        }),
    ];
    for (problem, decide) in broken {
        let seen = mismatches(&PARTICIPANT, &cases(decide), STATELESS);
        assert!(matches!(&seen[..], [one] if one.starts_with(problem)), "{problem}: {seen:?}");
    }
}
