//! Any sequence of events and of the provider's words, sensible or not: decided without a panic, and money is taken once
//! at most, and no more than that is given back, after it was taken.

use minuet_events::values::Micros;
use minuet_events::{Event, EventType};
use proptest::prelude::*;

use super::samples::*;
use super::story::{GIVEN_BACK, Happening, after, at, decide_on};
use crate::domain::{Illegal, Payment, PaymentState};

fn happening() -> impl Strategy<Value = Happening> {
    let event = prop_oneof![
        4 => Just(inventory_reserved()),
        1 => Just(order_cancelled()),
        1 => Just(reservation_expired()),
        1 => Just(inventory_confirmation_failed()),
        1 => Just(refund_requested()),
        2 => proptest::sample::select(&["0", "0.001", "7", "10", "25", "26"][..])
            .prop_map(|amount| refund_of(Some(amount), None)),
    ];
    prop_oneof![
        6 => (event, proptest::sample::select(&[-1, -1, -1, 0, 1][..]))
            .prop_map(|(event, late)| at(Micros(EXPIRES_AT.0 + late), event)),
        3 => Just(Happening::Answer(captured())),
        1 => Just(Happening::Answer(declined())),
        2 => Just(GIVEN_BACK.clone()),
        2 => Just(Happening::Refunded(part("10").refund_id)),
    ]
}

/// Where a state may go, itself left out.
fn may_become(state: PaymentState) -> &'static [PaymentState] {
    use PaymentState::{
        Failed, PartialRefundDue, Prevented, Processing, RefundDue, Refunded, Success, Unknown,
    };
    match state {
        Unknown => &[Prevented, Processing, Failed],
        // Straight to the refund, where the charge was to be stopped.
        Processing => &[Success, RefundDue, Failed],
        Success => &[PartialRefundDue, RefundDue],
        PartialRefundDue => &[Success, RefundDue],
        RefundDue => &[Refunded],
        Prevented | Refunded | Failed => &[],
    }
}

proptest! {
    #[test]
    fn money_is_taken_once_and_no_more_is_given_back(happenings in proptest::collection::vec(happening(), 1..40)) {
        let (mut payment, mut told) = (unknown(), Vec::new());
        for happening in &happenings {
            let decided = decide_on(&payment, happening).expect("something that may happen to a payment");
            let decision = match decided {
                Ok(decision) => decision,
                Err(Illegal { state, .. }) => {
                    prop_assert_eq!(state, payment.state());
                    continue;
                }
            };
            let becomes = after(&payment, &decision);
            let state = payment.state();
            if becomes.state() == state {
                let stopped = matches!(
                    (&payment, &becomes),
                    (Payment::Processing { stop: None, .. }, Payment::Processing { stop: Some(_), .. })
                        | (
                            Payment::PartialRefundDue { stop: None, .. },
                            Payment::PartialRefundDue { stop: Some(_), .. }
                        )
                );
                prop_assert!(stopped || becomes == payment, "{payment:?} to {becomes:?}");
                prop_assert_eq!(decision.changes.len(), usize::from(stopped));
            } else {
                prop_assert!(may_become(state).contains(&becomes.state()), "{payment:?} to {becomes:?}");
            }
            if let Some(event) = &decision.emit {
                prop_assert_eq!(event.key(), ORDER.to_string());
                told.push(event.clone());
            }
            payment = becomes;
        }
        is_one_story(&payment, &told)?;
    }

    /// Only what asks for money back, once it was captured, leads to a refund; and nothing but the provider's word to money.
    #[test]
    fn without_an_answer_nothing_is_captured(happenings in proptest::collection::vec(happening(), 1..40)) {
        let mut payment = unknown();
        for happening in &happenings {
            if matches!(happening, Happening::Answer(_)) {
                continue;
            }
            if let Some(Ok(decision)) = decide_on(&payment, happening) {
                payment = after(&payment, &decision);
            }
        }
        let untaken = matches!(
            payment,
            Payment::Unknown | Payment::Prevented | Payment::Processing { .. } | Payment::Failed
        );
        prop_assert!(untaken, "{payment:?}");
    }
}

/// What is told of a payment makes sense, whatever it was that happened to it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other events say nothing about money")]
fn is_one_story(payment: &Payment, told: &[Event]) -> Result<(), TestCaseError> {
    use EventType::{PaymentFailed, PaymentRefunded, PaymentSucceeded, RefundRejected};
    let of_charge = |told: &EventType| !matches!(told, RefundRejected | PaymentRefunded);
    let types: Vec<EventType> = told.iter().map(Event::event_type).filter(of_charge).collect();
    let expected: &[EventType] = match payment {
        Payment::Unknown | Payment::Prevented | Payment::Processing { .. } => &[],
        Payment::Failed => &[PaymentFailed],
        Payment::Success { .. }
        | Payment::PartialRefundDue { .. }
        | Payment::RefundDue { .. }
        | Payment::Refunded => &[PaymentSucceeded],
    };
    prop_assert_eq!(&types[..], expected);
    let mut left = charge().amount;
    for event in told {
        match event {
            Event::PaymentSucceeded(event) => prop_assert_eq!(event.amount, charge().amount),
            Event::PaymentRefunded(event) => {
                left = left.checked_sub(event.amount).expect("no more is given back than was captured");
                prop_assert_eq!(
                    (event.remaining.unwrap_or_default(), event.currency),
                    (left, charge().currency)
                );
                prop_assert_eq!(event.is_whole(), event.refund_id == refund("").refund_id);
            }
            _ => {}
        }
    }
    let is_whole = matches!(payment, Payment::Refunded);
    let captured = !expected.is_empty() && !matches!(payment, Payment::Failed);
    prop_assert_eq!(is_whole, captured && left.is_zero());
    Ok(())
}
