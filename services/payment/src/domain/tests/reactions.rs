//! PART is what `decide` does.

use minuet_events::Event;
use minuet_messaging::Trigger;
use minuet_messaging::dance::agreement::{Cell, Does, broken, disagreements};

use super::samples::*;
use super::story::{GIVEN_BACK, Happening, after, at, decide_on};
use crate::domain::{Decision, Illegal, Payment};
use crate::react::PART;

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
    let mut happenings: Vec<(Trigger, Happening)> = vec![
        (Trigger::Provider("captured"), captured().into()),
        (Trigger::Provider("declined"), declined().into()),
        (Trigger::Provider("refunded"), GIVEN_BACK),
    ];
    for event in events {
        let on = Trigger::Event(event.event_type());
        happenings.push((on, event.clone().into()));
        happenings.push((on, at(EXPIRES_AT, event)));
    }
    let mut cells = Vec::new();
    for state in states() {
        for (on, happening) in &happenings {
            cells.push(Cell { on: *on, state: state.name(), does: does(decide, &state, happening) });
        }
    }
    cells
}

#[test]
fn the_table_is_what_is_decided() {
    assert_eq!(disagreements(&PART, &cells(decide_on), &[]), Vec::<String>::new());
}

#[test]
fn a_broken_row_is_seen() {
    let cells = cells(decide_on);
    for part in broken(&PART) {
        assert!(!disagreements(&part, &cells, &[]).is_empty(), "not seen in {part:#?}");
    }
}

#[test]
fn a_broken_cell_is_seen() {
    let broken: [(&str, Decide); 5] = [
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
        ("provider: refunded in refund_due has a row that says", |state, happening| {
            match (state, happening) {
                (Payment::RefundDue { .. }, Happening::Refunded) => Some(Ok(Decision::default())),
                _ => decide_on(state, happening),
            }
        }),
    ];
    for (problem, decide) in broken {
        let seen = disagreements(&PART, &cells(decide), &[]);
        assert!(matches!(&seen[..], [one] if one.starts_with(problem)), "{problem}: {seen:?}");
    }
}
