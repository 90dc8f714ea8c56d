//! REACTIONS is what `decide` does: neither says more than the other, cell by cell.

use std::collections::BTreeSet;

use minuet_events::{Event, EventType};
use minuet_messaging::Reaction;

use super::samples::*;
use super::story::{after, decide_event};
use crate::domain::{Decision, Illegal, Order};
use crate::react::REACTIONS;

/// Read beside the orders, into the product view: `decide` is not asked.
const BESIDE: EventType = EventType::ProductChanged;

/// Several of one name where their data matters.
fn states() -> Vec<Order> {
    vec![
        unknown(),
        tombstone(["anna"]),
        tombstone(["bert"]),
        pending(),
        paid(),
        confirmed(),
        confirmed_before_its_payment(),
        cancelled(),
        failed(),
    ]
}

/// Several of one type where their data matters.
fn events() -> Vec<Event> {
    vec![
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
    ]
}

type Decide = fn(&Order, &Event) -> Option<Result<Decision, Illegal>>;

/// What `decide` does in one cell, for one sample.
#[derive(Debug, PartialEq)]
enum Does {
    Illegal,
    Nothing,
    Something { becomes: &'static str, emits: Option<EventType> },
}

fn does(decide: Decide, order: &Order, event: &Event) -> Does {
    match decide(order, event) {
        None | Some(Err(_)) => Does::Illegal,
        Some(Ok(decision)) if decision.is_no_op() => Does::Nothing,
        Some(Ok(decision)) => Does::Something {
            becomes: after(order, &decision).name(),
            emits: decision.emit.map(|event| event.event_type()),
        },
    }
}

/// Where a table and the decisions disagree.
fn disagreements(table: &[Reaction], decide: Decide) -> Vec<String> {
    let (states, events) = (states(), events());
    let names: BTreeSet<&str> = states.iter().map(Order::name).collect();
    let mut found = Vec::new();
    for event_type in EventType::ALL {
        let rows: Vec<&Reaction> = table.iter().filter(|row| row.consumes == *event_type).collect();
        if *event_type == BESIDE {
            if !matches!(rows[..], [&Reaction { states: &["any"], becomes: &[], emits: &[], .. }]) {
                found.push(format!("{event_type} is read in any state and emits nothing"));
            }
            continue;
        }
        for row in &rows {
            let strange = row.states.iter().filter(|state| !names.contains(*state));
            found.extend(strange.map(|state| format!("{event_type}: {state} is no state of an order")));
        }
        for name in &names {
            let cell = format!("{event_type} in {name}");
            let what: Vec<Does> = events
                .iter()
                .filter(|event| event.event_type() == *event_type)
                .flat_map(|event| states.iter().map(move |state| (state, event)))
                .filter(|(state, _)| state.name() == *name)
                .map(|(state, event)| does(decide, state, event))
                .filter(|does| *does != Does::Illegal)
                .collect();
            let rows: Vec<&&Reaction> = rows.iter().filter(|row| row.states.contains(name)).collect();
            match (&rows[..], &what[..]) {
                ([], []) => {}
                ([], legal) => found.push(format!("{cell} has no row, but is decided: {legal:?}")),
                ([_], []) => found.push(format!("{cell} has a row, but is illegal")),
                ([row], legal) => found.extend(differs(row, name, legal).map(|how| format!("{cell}: {how}"))),
                (rows, _) => found.push(format!("{cell} has {} rows", rows.len())),
            }
        }
    }
    found
}

/// How one row differs from what is done in one of its states.
fn differs(row: &Reaction, state: &str, legal: &[Does]) -> Option<String> {
    let (mut becomes, mut emits) = (BTreeSet::new(), BTreeSet::new());
    for does in legal {
        match does {
            Does::Nothing if row.becomes.is_empty() && row.emits.is_empty() => {}
            Does::Nothing | Does::Illegal => {
                return Some("nothing is done where the row has something".to_owned());
            }
            Does::Something { becomes: next, emits: event } => {
                if *next != state || row.becomes.contains(next) {
                    becomes.insert(*next);
                }
                emits.extend(*event);
            }
        }
    }
    let (said_becomes, said_emits) =
        (row.becomes.iter().copied().collect(), row.emits.iter().copied().collect());
    (becomes != said_becomes || emits != said_emits).then(|| {
        format!("the row has {said_becomes:?}, {said_emits:?}, what is done is {becomes:?}, {emits:?}")
    })
}

#[test]
fn the_table_is_what_is_decided() {
    assert_eq!(disagreements(REACTIONS, decide_event), Vec::<String>::new());
}

/// A row is missing, is there twice, or misses a state, a next state or an event.
#[test]
fn a_broken_row_is_seen() {
    for (at, row) in REACTIONS.iter().enumerate() {
        let table = |rows: &[Reaction]| [&REACTIONS[..at], rows, &REACTIONS[at + 1..]].concat();
        let mut broken = vec![table(&[]), table(&[*row, *row])];
        broken.push(table(&[Reaction { states: &row.states[1..], ..*row }]));
        broken.push(table(&[Reaction { states: &["nowhere"], ..*row }]));
        broken.push(table(&[Reaction { becomes: &["nowhere"], ..*row }]));
        broken.push(table(&[Reaction { emits: EventType::ALL, ..*row }]));
        broken.extend((!row.becomes.is_empty()).then(|| table(&[Reaction { becomes: &[], ..*row }])));
        broken.extend((!row.emits.is_empty()).then(|| table(&[Reaction { emits: &row.emits[1..], ..*row }])));
        for (nth, table) in broken.iter().enumerate() {
            let seen = disagreements(table, decide_event);
            assert!(!seen.is_empty(), "break {nth} of {row:?} is not seen");
        }
    }
}

/// One cell of `decide` at a time does something else.
#[test]
fn a_broken_cell_is_seen() {
    let broken: [Decide; 4] = [
        // Illegal where it is a no-op.
        |order, event| match (order, event) {
            (Order::Cancelled, Event::PaymentFailed(_)) => Some(Err(illegal(order, event))),
            _ => decide_event(order, event),
        },
        // A no-op where it is illegal.
        |order, event| match (order, event) {
            (Order::Failed, Event::InventoryConfirmed(_)) => Some(Ok(Decision::default())),
            _ => decide_event(order, event),
        },
        // The change without its event.
        |order, event| match (order, event) {
            (Order::Paid(..), Event::ReservationExpired(_)) => quiet(decide_event(order, event)),
            _ => decide_event(order, event),
        },
        // Confirmed only from paid.
        |order, event| match (order, event) {
            (Order::Pending(_), Event::InventoryConfirmed(_)) => Some(Ok(Decision::default())),
            _ => decide_event(order, event),
        },
    ];
    for (nth, decide) in broken.into_iter().enumerate() {
        assert_eq!(disagreements(REACTIONS, decide).len(), 1, "break {nth}");
    }
}

fn illegal(order: &Order, event: &Event) -> Illegal {
    Illegal { state: order.name(), event: event.event_type().name() }
}

fn quiet(decided: Option<Result<Decision, Illegal>>) -> Option<Result<Decision, Illegal>> {
    decided.map(|decided| decided.map(|decision| Decision { emit: None, ..decision }))
}
