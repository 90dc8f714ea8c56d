//! An order's end reaches its payment: before it, during it and after it.

use super::samples::*;
use super::story::{GIVEN_BACK, given};
use crate::domain::Change;

#[test]
fn an_end_before_the_reservation_prevents_the_payment() {
    for (stop, reason) in stops() {
        given(unknown())
            .when(stop.clone())
            .then(prevented())
            .by([Change::Prevented { reason: reason.into() }])
            .emits([])
            .when(stop)
            .does_nothing()
            .when(inventory_reserved())
            .does_nothing();
    }
}

#[test]
fn a_call_under_way_is_flagged_with_the_first_reason() {
    for (stop, reason) in stops() {
        let flagged = given(processing()).when(stop).then(stopping(reason)).emits([]);
        stops().into_iter().fold(flagged, |flagged, (again, _)| flagged.when(again).does_nothing());
    }
}

#[test]
fn captured_although_it_was_to_be_stopped_is_told_first_and_then_given_back() {
    for (stop, reason) in stops() {
        given(processing())
            .when(stop)
            .then(stopping(reason))
            .emits([])
            .when(captured())
            .then(refund_due(reason))
            .by([capture(), Change::RefundDue(refund(reason))])
            .emits([payment_succeeded()])
            .when(GIVEN_BACK.clone())
            .then(refunded())
            .emits([payment_refunded(reason)]);
    }
}

#[test]
fn stopped_in_time_it_has_failed_and_nothing_is_given_back() {
    for (stop, reason) in stops() {
        let detail = format!("stopped: {reason}");
        given(processing())
            .when(stop.clone())
            .then(stopping(reason))
            .emits([])
            .when(declined())
            .then(failed())
            .emits([payment_failed("card_declined", Some(&detail))])
            .when(stop)
            .does_nothing();
    }
}

#[test]
fn what_was_captured_is_given_back() {
    for (stop, reason) in stops() {
        given(success())
            .when(stop)
            .then(refund_due(reason))
            .by([Change::RefundDue(refund(reason))])
            .emits([])
            .when(GIVEN_BACK.clone())
            .then(refunded())
            .emits([payment_refunded(reason)]);
    }
}

#[test]
fn an_end_after_the_end_changes_nothing() {
    for (stop, _) in stops() {
        for state in [prevented(), failed(), refund_due("refunded"), refunded()] {
            given(state).when(stop.clone()).does_nothing();
        }
    }
}
