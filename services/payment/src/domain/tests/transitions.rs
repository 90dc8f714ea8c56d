//! Every change in every state: what does not fit is an error that names both.

use super::samples::*;
use crate::domain::{Change, InvalidTransition, Payment};

const REASON: &str = "order_cancelled";

fn changes() -> [Change; 8] {
    let declined = || ("card_declined".to_owned(), "{}".to_owned());
    [
        Change::Prevented { reason: REASON.into() },
        Change::Intent(charge()),
        Change::Refused { charge: charge(), reason: declined().0 },
        Change::StopRequested { reason: REASON.into() },
        capture(),
        Change::Declined { reason: declined().0, response: declined().1 },
        Change::RefundDue(refund(REASON)),
        Change::Refunded,
    ]
}

/// Where each change of [`changes`] leads. None: nowhere.
fn leads_to(payment: &Payment) -> [Option<Payment>; 8] {
    match payment {
        Payment::Unknown => {
            [Some(prevented()), Some(processing()), Some(failed()), None, None, None, None, None]
        }
        Payment::Processing { stop, .. } => {
            let stopped = stop.is_none().then(|| stopping(REASON));
            [None, None, None, stopped, Some(success()), Some(failed()), None, None]
        }
        Payment::Success { .. } => [None, None, None, None, None, None, Some(refund_due(REASON)), None],
        Payment::PartialRefundDue { stop, .. } => {
            let stopped = stop.is_none().then(|| partial_refund_due("10", Some(REASON)));
            [None, None, None, stopped, None, None, None, Some(success_less("10"))]
        }
        Payment::RefundDue { .. } => [None, None, None, None, None, None, None, Some(refunded())],
        Payment::Prevented | Payment::Refunded | Payment::Failed => [const { None }; 8],
    }
}

#[test]
fn a_change_fits_its_state_or_is_an_error() {
    let states = [
        unknown(),
        prevented(),
        processing(),
        stopping(REASON),
        success(),
        partial_refund_due("10", None),
        partial_refund_due("10", Some(REASON)),
        refund_due(REASON),
        refunded(),
        failed(),
    ];
    for payment in states {
        for (change, becomes) in changes().into_iter().zip(leads_to(&payment)) {
            let invalid = InvalidTransition { state: payment.state(), change: Box::new(change.clone()) };
            assert_eq!(payment.after(&change), becomes.ok_or(invalid), "{change:?} of {payment:?}");
        }
    }
}

#[test]
fn an_invalid_transition_is_named_with_its_state() {
    let invalid = refunded().after(&Change::RefundDue(refund(REASON))).unwrap_err();
    assert_eq!(invalid.to_string(), "a payment that is refunded does not allow the change \"refund due\"");
}
