//! The reaction table says what `decide` does: no more, no less.

use minuet_events::{Event, EventType};
use minuet_saga::Trigger;
use minuet_saga::conformance::{Case, Observed, mismatches, mutants};

use super::samples::*;
use super::story::{after, decide_event};
use crate::domain::{Decision, Illegal, Input, Reservation, Stock};
use crate::react::PARTICIPANT;

const STATELESS: &[EventType] = &[EventType::StockAdjusted];

type Decide = fn(&Reservation, &Event, &Stock) -> Option<Result<Decision, Illegal>>;

fn cases(decide: Decide) -> Vec<Case<EventType>> {
    let states = [unknown(), reserved(), confirmed(), released(), rejected()];
    let [in_part, without_return] = payment_refunded_in_vain();
    let events = [
        order_placed(),
        payment_succeeded(),
        payment_failed(),
        payment_refunded(),
        in_part,
        without_return,
        order_cancelled(),
        order_cancelled_in_vain(),
    ];
    let case = |on: Trigger<EventType>, state: &Reservation, decided: Option<Result<Decision, Illegal>>| {
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
        for stock in [free(), too_little()] {
            for event in &events {
                cases.push(case(Trigger::Event(event.event_type()), state, decide(state, event, &stock)));
            }
        }
        let due = Input::Due { order_id: ORDER, now: EXPIRES_AT };
        let swept = crate::domain::decide(state, due, &held_back());
        cases.push(case(Trigger::Time("expiry"), state, Some(swept)));
    }
    cases
}

#[test]
fn the_table_equals_the_decisions() {
    assert_eq!(mismatches(&PARTICIPANT, &cases(decide_event), STATELESS), Vec::<String>::new());
}

#[test]
fn an_adjustment_is_applied_or_rejected() {
    let row = PARTICIPANT.reactions.iter().find(|row| row.on == Trigger::Event(EventType::StockAdjusted));
    let emits: &[EventType] = &[EventType::StockLevelChanged, EventType::StockAdjustmentRejected];
    assert_eq!(row.map(|row| (row.becomes, row.emits)), Some((&[][..], emits)));
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
        ("OrderCancelled in unknown has a row, but is decided illegal", |state, event, stock| {
            match (state, event) {
                (Reservation::Unknown, Event::OrderCancelled(_)) => {
                    Some(Err(Illegal { state: state.state(), event: event.event_type() }))
                }
                _ => decide_event(state, event, stock),
            }
        }),
        ("PaymentSucceeded in confirmed has no row", |state, event, stock| match (state, event) {
            (Reservation::Confirmed(_), Event::PaymentSucceeded(_)) => Some(Ok(Decision::default())),
            _ => decide_event(state, event, stock),
        }),
        ("PaymentRefunded in confirmed has a row with", |state, event, stock| match (state, event) {
            (Reservation::Confirmed(_), Event::PaymentRefunded(_)) => Some(Ok(Decision::default())),
            _ => decide_event(state, event, stock),
        }),
        ("PaymentFailed in reserved has a row with", |state, event, stock| match (state, event) {
            (Reservation::Reserved(_), Event::PaymentFailed(_)) => decide_event(state, event, stock)
                .map(|decided| decided.map(|decision| Decision { emit: None, ..decision })),
            _ => decide_event(state, event, stock),
        }),
    ];
    for (problem, decide) in broken {
        let seen = mismatches(&PARTICIPANT, &cases(decide), STATELESS);
        assert!(matches!(&seen[..], [one] if one.starts_with(problem)), "{problem}: {seen:?}");
    }
}
