//! PART is what `decide` does.

use minuet_events::{Event, EventType};
use minuet_messaging::Trigger;
use minuet_messaging::dance::agreement::{Cell, Does, broken, disagreements};

use super::samples::*;
use super::story::{after, decide_event};
use crate::domain::{Decision, Illegal, Input, Order};
use crate::react::PART;

const BESIDE: &[EventType] = &[EventType::ProductChanged, EventType::RefundRejected];

type Decide = fn(&Order, &Event) -> Option<Result<Decision, Illegal>>;

fn cells(decide: Decide) -> Vec<Cell> {
    let states = [
        unknown(),
        tombstone(["anna"]),
        tombstone(["bert"]),
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
        inventory_confirmed(),
        inventory_rejected(),
        inventory_confirmation_failed(),
        reservation_expired(),
    ];
    let cell = |on: Trigger, state: &Order, decided: Option<Result<Decision, Illegal>>| {
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
        for event in &events {
            cells.push(cell(Trigger::Event(event.event_type()), state, decide(state, event)));
        }
        let passed = crate::domain::decide(state, Input::DeadlinePassed);
        cells.push(cell(Trigger::Time("deadline"), state, Some(passed)));
    }
    cells
}

#[test]
fn the_table_is_what_is_decided() {
    assert_eq!(disagreements(&PART, &cells(decide_event), BESIDE), Vec::<String>::new());
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
        ("PaymentFailed in cancelled has a row, but is illegal", |order, event| match (order, event) {
            (Order::Cancelled, Event::PaymentFailed(_)) => {
                Some(Err(Illegal { state: order.name(), event: "PaymentFailed" }))
            }
            _ => decide_event(order, event),
        }),
        ("InventoryConfirmed in failed has no row", |order, event| match (order, event) {
            (Order::Failed, Event::InventoryConfirmed(_)) => Some(Ok(Decision::default())),
            _ => decide_event(order, event),
        }),
        ("InventoryConfirmed in pending has a row that says", |order, event| match (order, event) {
            (Order::Pending(_), Event::InventoryConfirmed(_)) => Some(Ok(Decision::default())),
            _ => decide_event(order, event),
        }),
        ("ReservationExpired in paid has a row that says", |order, event| match (order, event) {
            (Order::Paid(..), Event::ReservationExpired(_)) => decide_event(order, event)
                .map(|decided| decided.map(|decision| Decision { emit: None, ..decision })),
            _ => decide_event(order, event),
        }),
    ];
    for (problem, decide) in broken {
        let seen = disagreements(&PART, &cells(decide), BESIDE);
        assert!(matches!(&seen[..], [one] if one.starts_with(problem)), "{problem}: {seen:?}");
    }
}
