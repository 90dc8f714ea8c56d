//! Any sequence of events, sensible or not: decided without a panic, and an order's end is its end.

use minuet_events::orders::{OrderCancelled, OrderConfirmed, OrderPlaced};
use minuet_events::{Event, EventType};
use proptest::prelude::*;

use super::super::samples::*;
use super::super::story::{after, decide_event};
use crate::domain::{Change, Decision, Illegal, Input, Order, OrderState, decide};

/// Whatever may happen to an order. The deadline is [`None`].
fn happening() -> impl Strategy<Value = Option<Event>> {
    let event = prop_oneof![
        3 => Just(submitted()),
        1 => Just(submitted_in_vain()),
        2 => proptest::sample::select(&["anna", "bert", "admin:boss"][..]).prop_map(cancellation_requested_by),
        3 => Just(payment_succeeded()),
        1 => Just(payment_failed()),
        1 => Just(payment_refunded()),
        1 => Just(payment_refunded_in_part()),
        3 => Just(inventory_confirmed()),
        1 => Just(inventory_rejected()),
        1 => Just(inventory_confirmation_failed()),
        1 => Just(reservation_expired()),
    ];
    prop_oneof![1 => Just(None), 12 => event.prop_map(Some)]
}

fn decided(order: &Order, happening: Option<&Event>) -> Result<Decision, Illegal> {
    match happening {
        Some(event) => decide_event(order, event).expect("an event of an order's"),
        None => decide(order, Input::DeadlinePassed),
    }
}

/// Where a state may go, itself left out.
fn may_become(state: OrderState) -> &'static [OrderState] {
    use OrderState::{Cancelled, CancelledBeforeSubmission, Confirmed, Failed, Paid, Pending, Unknown};
    match state {
        Unknown => &[CancelledBeforeSubmission, Pending, Failed],
        CancelledBeforeSubmission => &[Cancelled, Pending, Failed],
        Pending => &[Paid, Confirmed, Cancelled, Failed],
        Paid => &[Confirmed, Cancelled],
        Confirmed => &[Cancelled],
        Cancelled | Failed => &[],
    }
}

proptest! {
    #[test]
    fn an_end_is_an_end(happenings in proptest::collection::vec(happening(), 1..40)) {
        let (mut order, mut told) = (unknown(), Vec::new());
        for happening in &happenings {
            let happening = happening.as_ref();
            let decision = match decided(&order, happening) {
                Ok(decision) => decision,
                Err(illegal) => {
                    let event = happening.map(Event::event_type);
                    prop_assert_eq!((illegal.state, Some(illegal.event)), (order.state(), event));
                    continue;
                }
            };
            let becomes = after(&order, &decision);
            let state = order.state();
            if becomes.state() != state {
                prop_assert!(may_become(state).contains(&becomes.state()), "{order:?} to {becomes:?}");
                // The one thing that ends a confirmed order.
                if state == OrderState::Confirmed {
                    prop_assert!(matches!(happening, Some(Event::PaymentRefunded(_))), "{happening:?}");
                }
            } else if matches!(order, Order::Cancelled | Order::Failed) {
                prop_assert!(matches!(decision.change, None | Some(Change::Refunded)), "{decision:?}");
            } else if let Order::Confirmed(placed, payment) = &order {
                // Filling in the payment is no change of state.
                let noted = Order::Confirmed(placed.clone(), Some(PAYMENT));
                prop_assert!(becomes == order || (payment.is_none() && becomes == noted));
            }
            // A change of state is told, but for those that wait for another's word.
            let silent = matches!(
                decision.change,
                None | Some(
                    Change::CancelledEarly(_) | Change::Paid(_) | Change::PaymentNoted(_) | Change::Refunded
                )
            );
            prop_assert!(silent || decision.emit.is_some(), "{decision:?}");
            if let Some(event) = &decision.emit {
                prop_assert_eq!(event.key(), ORDER.to_string());
                told.push(event.clone());
            }
            order = becomes;
        }
        is_one_story(&told)?;
    }
}

/// What is told of an order makes sense, whatever it was that happened to it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other events say nothing about money")]
fn is_one_story(told: &[Event]) -> Result<(), TestCaseError> {
    use EventType::{
        OrderCancellationRejected, OrderCancelled, OrderConfirmed, OrderFailed, OrderPlaced, OrderRejected,
    };
    let types: Vec<EventType> =
        told.iter().map(Event::event_type).filter(|told| *told != OrderCancellationRejected).collect();
    let stories: [&[EventType]; 8] = [
        &[],
        &[OrderRejected],
        &[OrderCancelled],
        &[OrderPlaced],
        &[OrderPlaced, OrderFailed],
        &[OrderPlaced, OrderCancelled],
        &[OrderPlaced, OrderConfirmed],
        &[OrderPlaced, OrderConfirmed, OrderCancelled],
    ];
    prop_assert!(stories.contains(&&types[..]), "{types:?}");
    for event in told {
        match event {
            Event::OrderPlaced(self::OrderPlaced { user_id, total, .. })
            | Event::OrderConfirmed(self::OrderConfirmed { user_id, total, .. }) => {
                prop_assert_eq!((user_id, *total), (&user("anna"), amount("25")));
            }
            Event::OrderCancelled(self::OrderCancelled { user_id, .. }) => {
                prop_assert_eq!(user_id, &user("anna"));
            }
            _ => {}
        }
    }
    Ok(())
}
