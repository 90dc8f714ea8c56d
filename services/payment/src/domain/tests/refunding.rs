//! Somebody wants the money back.

use minuet_events::values::Amount;

use super::samples::*;
use super::story::{GIVEN_BACK, Happening, given};
use crate::domain::{Change, Payment, Refund};

#[test]
fn what_was_captured_is_given_back_once() {
    given(success())
        .when(refund_requested())
        .then(refund_due("refunded"))
        .by([Change::RefundDue(refund("refunded"))])
        .emits([])
        .when(refund_requested())
        .answers(refund_rejected("already_refunded"))
        .when(GIVEN_BACK.clone())
        .then(refunded())
        .by([Change::Refunded])
        .emits([payment_refunded("refunded")])
        .when(GIVEN_BACK.clone())
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
            .when(GIVEN_BACK.clone())
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

fn part_given() -> Happening {
    Happening::Refunded(part("10").refund_id)
}

#[test]
fn a_part_leaves_the_payment_captured_and_the_last_part_refunds_it() {
    given(success())
        .when(refund_of(Some("10"), Some(false)))
        .then(Payment::PartialRefundDue {
            charge: charge(),
            refunded: Amount::ZERO,
            refund: Refund { return_stock: false, ..part("10") },
            stop: None,
        })
        .by([Change::RefundDue(Refund { return_stock: false, ..part("10") })])
        .emits([]);
    let rest = Refund { amount: Amount::parse("15").unwrap(), ..refund("refunded") };
    given(partial_refund_due("10", None))
        .when(part_given())
        .then(success_less("10"))
        .emits([refunded_event(part("10"), Some("15"))])
        // Told again by a process that is no more.
        .when(part_given())
        .does_nothing()
        .when(refund_of(Some("15"), None))
        .then(Payment::RefundDue { charge: charge(), refund: rest.clone() })
        .emits([])
        .when(part_given())
        .does_nothing()
        .when(GIVEN_BACK.clone())
        .then(refunded())
        .emits([refunded_event(rest, None)]);
}

#[test]
fn what_cannot_be_given_back_is_refused_with_its_reason() {
    let refusals = [
        (success(), Some("0"), "amount_zero"),
        (success(), Some("10.001"), "too_many_decimals"),
        (success(), Some("25.01"), "more_than_left"),
        (success_less("10"), Some("15.01"), "more_than_left"),
        (partial_refund_due("10", None), Some("1"), "refund_under_way"),
        (partial_refund_due("10", None), None, "refund_under_way"),
        (refund_due("refunded"), Some("1"), "already_refunded"),
        (refunded(), Some("1"), "already_refunded"),
        (processing(), Some("1"), "not_captured"),
    ];
    for (state, amount, reason) in refusals {
        given(state).when(refund_of(amount, None)).answers(refund_rejected(reason));
    }
}

/// The order was paid, not confirmed, when its part was asked for: it may end before the part is given back.
#[test]
fn an_order_that_ends_while_a_part_is_due_gets_the_rest_back() {
    for (stop, reason) in stops() {
        let rest = Refund { amount: Amount::parse("15").unwrap(), ..refund(reason) };
        given(partial_refund_due("10", None))
            .when(stop.clone())
            .then(partial_refund_due("10", Some(reason)))
            .emits([])
            .when(stop)
            .does_nothing()
            .when(part_given())
            .then(Payment::RefundDue { charge: charge(), refund: rest.clone() })
            .by([Change::Refunded, Change::RefundDue(rest)])
            .emits([refunded_event(part("10"), Some("15"))]);
    }
}
