//! Every change in every state: what does not fit is an error that names both.

use minuet_events::values::CancellationReason;

use super::samples::*;
use crate::domain::{Change, InvalidTransition, Order};

fn cancelled_early() -> Change {
    Change::CancelledEarly(early_cancellation("anna"))
}

fn changes() -> [Change; 9] {
    let minuet_events::Event::OrderPlaced(placed) = order_placed() else { panic!("it is OrderPlaced") };
    [
        cancelled_early(),
        Change::Placed(placed),
        Change::Rejected(Vec::new()),
        Change::Paid(PAYMENT),
        Change::PaymentNoted(PAYMENT),
        Change::Confirmed,
        Change::Cancelled { reason: CancellationReason::Deadline, detail: None, request: None },
        Change::Failed(Vec::new()),
        Change::Refunded,
    ]
}

/// Where each change of [`changes`] leads. None: nowhere.
fn leads_to(order: &Order) -> [Option<Order>; 9] {
    match order {
        Order::Unknown => {
            let kept = Some(cancelled_before_submission(["anna"]));
            [kept, Some(pending()), Some(failed()), None, None, None, None, None, None]
        }
        Order::CancelledBeforeSubmission(_) => {
            let kept = Some(cancelled_before_submission(["bert", "anna"]));
            [kept, Some(pending()), Some(failed()), None, None, None, Some(cancelled()), None, None]
        }
        Order::Pending(_) => {
            let confirmed = Some(confirmed_before_its_payment());
            [
                None,
                None,
                None,
                Some(paid()),
                None,
                confirmed,
                Some(cancelled()),
                Some(failed()),
                Some(pending()),
            ]
        }
        Order::Paid(..) => {
            [None, None, None, None, None, Some(confirmed()), Some(cancelled()), None, Some(paid())]
        }
        Order::Confirmed(_, payment) => {
            let noted = payment.is_none().then(confirmed);
            [None, None, None, None, noted, None, Some(cancelled()), None, Some(order.clone())]
        }
        Order::Cancelled => [None, None, None, None, None, None, None, None, Some(cancelled())],
        Order::Failed => [const { None }; 9],
    }
}

#[test]
fn a_change_fits_its_state_or_is_an_error() {
    let states = [
        unknown(),
        cancelled_before_submission(["bert"]),
        pending(),
        paid(),
        confirmed(),
        confirmed_before_its_payment(),
        cancelled(),
        failed(),
    ];
    for order in states {
        for (change, becomes) in changes().into_iter().zip(leads_to(&order)) {
            let invalid = InvalidTransition { state: order.state(), change: Box::new(change.clone()) };
            assert_eq!(order.after(&change), becomes.ok_or(invalid), "{change:?} of {order:?}");
        }
    }
}

#[test]
fn an_invalid_transition_is_named_with_its_state() {
    let invalid = failed().after(&Change::Confirmed).unwrap_err();
    assert_eq!(invalid.to_string(), "an order that is failed does not allow the change \"confirmed\"");
}
