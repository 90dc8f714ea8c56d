//! REACTIONS, and ANSWERS beside it, are what `decide` does.

use std::collections::BTreeSet;

use minuet_events::Event;

use super::agreement::{Cell, Does, broken, disagreements};
use super::samples::*;
use super::story::{GIVEN_BACK, Happening, after, at, decide_on};
use crate::domain::{Decision, Illegal, Payment};
use crate::react::{ANSWERS, REACTIONS};

type Decide = fn(&Payment, &Happening) -> Option<Result<Decision, Illegal>>;

fn states() -> [Payment; 8] {
    [
        unknown(),
        tombstone(),
        processing(),
        stopping("order_cancelled"),
        success(),
        refund_due("order_cancelled"),
        refunded(),
        failed(),
    ]
}

fn does(decide: Decide, state: &Payment, happening: &Happening) -> Does {
    match decide(state, happening) {
        None | Some(Err(_)) => Does::Illegal,
        Some(Ok(decision)) if decision.is_no_op() => Does::Nothing,
        Some(Ok(decision)) => Does::Something {
            becomes: after(state, &decision).name(),
            emits: decision.emit.map(|event| event.event_type()),
        },
    }
}

fn cells(decide: Decide) -> Vec<Cell> {
    let events = [
        inventory_reserved(),
        order_cancelled(),
        reservation_expired(),
        inventory_confirmation_failed(),
        refund_requested(),
    ];
    let mut cells = Vec::new();
    for state in states() {
        for event in &events {
            for happening in [event.clone().into(), at(EXPIRES_AT, event.clone())] {
                let does = does(decide, &state, &happening);
                cells.push(Cell { event: event.event_type(), state: state.name(), does });
            }
        }
    }
    cells
}

#[test]
fn the_table_is_what_is_decided() {
    assert_eq!(disagreements(REACTIONS, &cells(decide_on), &[]), Vec::<String>::new());
}

/// What is not in the table of answers is a repetition, which changes nothing, or illegal.
#[test]
fn the_answers_are_what_is_decided() {
    let mut decided = BTreeSet::new();
    for (name, happening) in
        [("captured", captured().into()), ("declined", declined().into()), ("refunded", GIVEN_BACK)]
    {
        for state in states() {
            if let Does::Something { becomes, emits } = does(decide_on, &state, &happening) {
                decided.insert((name, state.name(), becomes, emits));
            }
        }
    }
    let mut said = BTreeSet::new();
    for row in ANSWERS {
        for state in row.states {
            for becomes in row.becomes {
                said.extend(row.emits.iter().map(|event| (row.answer, *state, *becomes, Some(*event))));
            }
        }
    }
    assert_eq!(said, decided);
}

#[test]
fn a_broken_row_is_seen() {
    let cells = cells(decide_on);
    for table in broken(REACTIONS) {
        assert!(!disagreements(&table, &cells, &[]).is_empty(), "not seen in {table:#?}");
    }
}

#[test]
fn a_broken_cell_is_seen() {
    let broken: [(&str, Decide); 4] = [
        ("InventoryReserved in tombstone has a row, but is illegal", |state, happening| {
            match (state, happening) {
                (Payment::Tombstone, Happening::Event(Event::InventoryReserved(_), _)) => {
                    Some(Err(Illegal { state: state.name(), event: "InventoryReserved" }))
                }
                _ => decide_on(state, happening),
            }
        }),
        ("InventoryReserved in failed has no row", |state, happening| match (state, happening) {
            (Payment::Failed, Happening::Event(Event::InventoryReserved(_), _)) => {
                Some(Ok(Decision::default()))
            }
            _ => decide_on(state, happening),
        }),
        ("OrderCancelled in unknown has a row that says", |state, happening| match (state, happening) {
            (Payment::Unknown, Happening::Event(Event::OrderCancelled(_), _)) => {
                Some(Ok(Decision::default()))
            }
            _ => decide_on(state, happening),
        }),
        ("RefundRequested in refunded has a row that says", |state, happening| match (state, happening) {
            (Payment::Refunded, Happening::Event(Event::RefundRequested(_), _)) => {
                Some(Ok(Decision::default()))
            }
            _ => decide_on(state, happening),
        }),
    ];
    for (problem, decide) in broken {
        let seen = disagreements(REACTIONS, &cells(decide), &[]);
        assert!(matches!(&seen[..], [one] if one.starts_with(problem)), "{problem}: {seen:?}");
    }
}
