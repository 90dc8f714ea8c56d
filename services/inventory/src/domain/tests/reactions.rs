//! PART is what `decide` does.

use minuet_events::{Event, EventType};
use minuet_messaging::Trigger;
use minuet_messaging::dance::agreement::{Cell, Does, broken, disagreements};

use super::samples::*;
use super::story::{after, decide_event};
use crate::domain::{Decision, Illegal, Input, Reservation, Stock};
use crate::react::PART;

const BESIDE: &[EventType] = &[EventType::StockAdjusted];

type Decide = fn(&Reservation, &Event, &Stock) -> Option<Result<Decision, Illegal>>;

fn cells(decide: Decide) -> Vec<Cell> {
    let states = [unknown(), reserved(), confirmed(), released(), rejected()];
    let events =
        [order_placed(), payment_succeeded(), payment_failed(), payment_refunded(), order_cancelled()];
    let cell = |on: Trigger, state: &Reservation, decided: Option<Result<Decision, Illegal>>| {
        let does = match decided {
            None | Some(Err(_)) => Does::Illegal,
            Some(Ok(decision)) if decision.is_no_op() => Does::Nothing,
            Some(Ok(decision)) => Does::Something {
                becomes: after(state, &decision).name(),
                emits: decision.emit.map(|event| event.event_type()),
            },
        };
        Cell { on, state: state.name(), does }
    };
    let mut cells = Vec::new();
    for state in &states {
        for stock in [free(), too_little()] {
            for event in &events {
                cells.push(cell(Trigger::Event(event.event_type()), state, decide(state, event, &stock)));
            }
        }
        let due = Input::Due { order_id: ORDER, now: EXPIRES_AT };
        let swept = crate::domain::decide(state, due, &held_back());
        cells.push(cell(Trigger::Time("expiry"), state, Some(swept)));
    }
    cells
}

#[test]
fn the_table_is_what_is_decided() {
    assert_eq!(disagreements(&PART, &cells(decide_event), BESIDE), Vec::<String>::new());
}

#[test]
fn an_adjustment_is_applied_or_rejected() {
    let row = PART.reactions.iter().find(|row| row.on == Trigger::Event(EventType::StockAdjusted));
    let emits: &[EventType] = &[EventType::StockLevelChanged, EventType::StockAdjustmentRejected];
    assert_eq!(row.map(|row| (row.becomes, row.emits)), Some((&[][..], emits)));
}

#[test]
fn a_broken_row_is_seen() {
    let cells = cells(decide_event);
    for part in broken(&PART) {
        assert!(!disagreements(&part, &cells, BESIDE).is_empty(), "not seen in {part:#?}");
    }
}

#[test]
fn a_broken_cell_is_seen() {
    let broken: [(&str, Decide); 4] = [
        ("OrderCancelled in unknown has a row, but is illegal", |state, event, stock| match (state, event) {
            (Reservation::Unknown, Event::OrderCancelled(_)) => {
                Some(Err(Illegal { state: state.name(), event: "OrderCancelled" }))
            }
            _ => decide_event(state, event, stock),
        }),
        ("PaymentSucceeded in confirmed has no row", |state, event, stock| match (state, event) {
            (Reservation::Confirmed(_), Event::PaymentSucceeded(_)) => Some(Ok(Decision::default())),
            _ => decide_event(state, event, stock),
        }),
        ("PaymentRefunded in confirmed has a row that says", |state, event, stock| match (state, event) {
            (Reservation::Confirmed(_), Event::PaymentRefunded(_)) => Some(Ok(Decision::default())),
            _ => decide_event(state, event, stock),
        }),
        ("PaymentFailed in reserved has a row that says", |state, event, stock| match (state, event) {
            (Reservation::Reserved(_), Event::PaymentFailed(_)) => decide_event(state, event, stock)
                .map(|decided| decided.map(|decision| Decision { emit: None, ..decision })),
            _ => decide_event(state, event, stock),
        }),
    ];
    for (problem, decide) in broken {
        let seen = disagreements(&PART, &cells(decide), BESIDE);
        assert!(matches!(&seen[..], [one] if one.starts_with(problem)), "{problem}: {seen:?}");
    }
}
