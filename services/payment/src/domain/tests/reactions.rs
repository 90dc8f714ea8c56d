//! The reaction table says what `decide` does: no more, no less.

use minuet_events::{Event, EventType};
use minuet_saga::Trigger;
use minuet_saga::conformance::{Case, Observed, mismatches, mutants};

use super::samples::*;
use super::story::{GIVEN_BACK, Happening, after, at, decide_on};
use crate::domain::{Decision, Illegal, InputKind, Payment};
use crate::react::PARTICIPANT;

const STATELESS: &[EventType] = &[EventType::ProviderNotified];

type Decide = fn(&Payment, &Happening) -> Option<Result<Decision, Illegal>>;

fn states() -> [Payment; 10] {
    [
        unknown(),
        prevented(),
        processing(),
        stopping("order_cancelled"),
        success(),
        partial_refund_due("10", None),
        partial_refund_due("10", Some("order_cancelled")),
        refund_due("order_cancelled"),
        refunded(),
        failed(),
    ]
}

fn observe(decide: Decide, state: &Payment, happening: &Happening) -> Observed<EventType> {
    match decide(state, happening) {
        None | Some(Err(_)) => Observed::Illegal,
        Some(Ok(decision)) if decision.is_no_op() => Observed::NoOp,
        Some(Ok(decision)) => Observed::Applied {
            becomes: after(state, &decision).state().name(),
            emits: decision.emit.map(|event| event.event_type()),
        },
    }
}

fn cases(decide: Decide) -> Vec<Case<EventType>> {
    let events = [
        inventory_reserved(),
        order_cancelled(),
        reservation_expired(),
        inventory_confirmation_failed(),
        refund_requested(),
        refund_of(Some("10"), None),
        refund_of(Some("0"), None),
    ];
    let mut happenings: Vec<(Trigger<EventType>, Happening)> = vec![
        (Trigger::Provider("captured"), captured().into()),
        (Trigger::Provider("declined"), declined().into()),
        (Trigger::Provider("refunded"), GIVEN_BACK.clone()),
        (Trigger::Provider("refunded"), Happening::Refunded(part("10").refund_id)),
        (Trigger::Provider("action required"), Happening::ActionRequired),
        (Trigger::Provider("disputed"), Happening::Disputed),
    ];
    for event in events {
        let on = Trigger::Event(event.event_type());
        happenings.push((on, event.clone().into()));
        happenings.push((on, at(EXPIRES_AT, event)));
    }
    let mut cases = Vec::new();
    for state in states() {
        // Another refund than the one that is due is a repetition: see `refunding`.
        let fits = |happening: &Happening| match (happening, &state) {
            (
                Happening::Refunded(given),
                Payment::PartialRefundDue { refund, .. } | Payment::RefundDue { refund, .. },
            ) => *given == refund.refund_id,
            _ => true,
        };
        for (on, happening) in happenings.iter().filter(|(_, happening)| fits(happening)) {
            cases.push(Case {
                on: *on,
                state: state.state().name(),
                observed: observe(decide, &state, happening),
            });
        }
    }
    cases
}

#[test]
fn the_table_equals_the_decisions() {
    assert_eq!(mismatches(&PARTICIPANT, &cases(decide_on), STATELESS), Vec::<String>::new());
}

#[test]
fn a_wrong_row_is_noticed() {
    let cases = cases(decide_on);
    for mutant in mutants(&PARTICIPANT) {
        assert!(!mismatches(&mutant, &cases, STATELESS).is_empty(), "not noticed: {mutant:#?}");
    }
}

#[test]
fn a_wrong_decision_is_noticed() {
    let broken: [(&str, Decide); 5] = [
        ("InventoryReserved in prevented has a row, but is decided illegal", |state, happening| {
            match (state, happening) {
                (Payment::Prevented, Happening::Event(event @ Event::InventoryReserved(_), _)) => {
                    let input = InputKind::Event(event.event_type());
                    Some(Err(Illegal { state: state.state(), input }))
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
        ("OrderCancelled in unknown has a row with", |state, happening| match (state, happening) {
            (Payment::Unknown, Happening::Event(Event::OrderCancelled(_), _)) => {
                Some(Ok(Decision::default()))
            }
            _ => decide_on(state, happening),
        }),
        ("RefundRequested in refunded has a row with", |state, happening| match (state, happening) {
            (Payment::Refunded, Happening::Event(Event::RefundRequested(_), _)) => {
                Some(Ok(Decision::default()))
            }
            _ => decide_on(state, happening),
        }),
        ("provider: refunded in refund_due has a row with", |state, happening| match (state, happening) {
            (Payment::RefundDue { .. }, Happening::Refunded(_)) => Some(Ok(Decision::default())),
            _ => decide_on(state, happening),
        }),
    ];
    for (problem, decide) in broken {
        let seen = mismatches(&PARTICIPANT, &cases(decide), STATELESS);
        assert!(matches!(&seen[..], [one] if one.starts_with(problem)), "{problem}: {seen:?}");
    }
}
