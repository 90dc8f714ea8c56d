//! Somebody wants the money back.

use super::samples::*;
use super::story::{GIVEN_BACK, given};
use crate::domain::Change;

#[test]
fn what_was_captured_is_given_back_once() {
    given(success())
        .when(refund_requested())
        .then(refund_due("refunded"))
        .by([Change::RefundDue(refund("refunded"))])
        .emits([])
        .when(refund_requested())
        .answers(refund_rejected("already_refunded"))
        .when(GIVEN_BACK)
        .then(refunded())
        .by([Change::Refunded])
        .emits([payment_refunded("refunded")])
        .when(GIVEN_BACK)
        .does_nothing()
        .when(refund_requested())
        .answers(refund_rejected("already_refunded"));
}

#[test]
fn what_was_not_captured_is_not_given_back() {
    for state in [unknown(), prevented(), processing(), stopping("order_cancelled"), failed()] {
        given(state).when(refund_requested()).answers(refund_rejected("not_captured"));
    }
}

/// OrderCancelled is what the order makes of the refund: it finds nothing left to do.
#[test]
fn of_a_refund_and_a_cancellation_the_second_finds_nothing_left_to_do() {
    for (stop, reason) in stops() {
        given(success())
            .when(refund_requested())
            .then(refund_due("refunded"))
            .emits([])
            .when(stop.clone())
            .does_nothing()
            .when(GIVEN_BACK)
            .then(refunded())
            .emits([payment_refunded("refunded")])
            .when(stop.clone())
            .does_nothing();
        given(success())
            .when(stop)
            .then(refund_due(reason))
            .emits([])
            .when(refund_requested())
            .answers(refund_rejected("already_refunded"));
    }
}
