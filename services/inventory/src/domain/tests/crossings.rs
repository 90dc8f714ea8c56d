//! Every event in every state.

use minuet_events::EventType;
use minuet_events::values::Micros;

use super::samples::*;
use super::story::{given, sweep};
use crate::domain::{Illegal, ReservationState};

#[test]
fn a_placed_order_reserves_every_line() {
    given(unknown()).when(order_placed()).then(reserved()).leaves(held_back()).emits([inventory_reserved()]);
}

#[test]
fn or_none_and_every_short_line_is_listed() {
    given(unknown())
        .and_stock(too_little())
        .when(order_placed())
        .then(rejected())
        .leaves(too_little())
        .emits([inventory_rejected([shortage("tea", 3, 2), shortage("milk", 1, 0)])]);
}

#[test]
fn an_order_is_placed_once() {
    for state in [reserved(), confirmed(), released(), rejected()] {
        given(state).when(order_placed()).cannot_happen();
    }
}

#[test]
fn a_payment_confirms_what_is_reserved() {
    given(reserved())
        .when(payment_succeeded())
        .then(confirmed())
        .leaves(gone())
        .emits([inventory_confirmed()]);
}

#[test]
fn a_payment_for_what_was_released_is_told_so() {
    given(released()).when(payment_succeeded()).answers(inventory_confirmation_failed());
}

#[test]
fn there_is_no_payment_for_what_was_never_held_or_is_paid_already() {
    for state in [unknown(), confirmed(), rejected()] {
        given(state).when(payment_succeeded()).cannot_happen();
    }
}

#[test]
fn a_failed_payment_releases() {
    given(reserved())
        .when(payment_failed())
        .then(released())
        .leaves(free())
        .emits([inventory_released("payment_failed")])
        .when(payment_failed())
        .does_nothing();
    for state in [unknown(), confirmed(), rejected()] {
        given(state).when(payment_failed()).cannot_happen();
    }
}

#[test]
fn a_cancellation_or_a_refund_releases_what_is_reserved_and_returns_what_was_confirmed() {
    for (undo, cause) in [(order_cancelled(), "order_cancelled"), (payment_refunded(), "payment_refunded")] {
        given(reserved())
            .when(undo.clone())
            .then(released())
            .leaves(free())
            .emits([inventory_released(cause)]);
        given(confirmed())
            .when(undo.clone())
            .then(released())
            .leaves(free())
            .emits([inventory_returned(cause)]);
        for state in [unknown(), released(), rejected()] {
            given(state).when(undo.clone()).does_nothing();
        }
    }
}

#[test]
fn of_a_cancellation_and_a_refund_the_second_finds_nothing_left_to_undo() {
    for (first, second) in [(order_cancelled(), payment_refunded()), (payment_refunded(), order_cancelled())]
    {
        for (state, before) in [(reserved(), held_back()), (confirmed(), gone())] {
            let undone = given(state).and_stock(before).when(first.clone()).then(released()).leaves(free());
            let event = undone.emitted();
            undone.emits([event]).when(second.clone()).does_nothing().when(first.clone()).does_nothing();
        }
    }
}

#[test]
fn the_sweeper_expires_what_is_due_and_nothing_is_released_besides() {
    for late in [EXPIRES_AT, Micros(EXPIRES_AT.0 + 1)] {
        given(reserved())
            .when(sweep(late))
            .then(released())
            .leaves(free())
            .emits([reservation_expired()])
            .when(sweep(late))
            .does_nothing();
    }
    given(reserved()).when(sweep(Micros(EXPIRES_AT.0 - 1))).does_nothing();
    for state in [unknown(), confirmed(), released(), rejected()] {
        given(state).when(sweep(Micros(i64::MAX))).does_nothing();
    }
}

/// Time alone changes nothing: without a sweep in between the goods are still there.
#[test]
fn a_payment_past_the_time_still_confirms_what_no_sweep_has_released() {
    given(reserved())
        .when(sweep(Micros(EXPIRES_AT.0 - 1)))
        .does_nothing()
        .when(payment_succeeded())
        .then(confirmed())
        .emits([inventory_confirmed()])
        .when(sweep(EXPIRES_AT))
        .does_nothing();
}

#[test]
fn after_the_sweep_a_payment_fails_to_confirm_and_what_follows_finds_nothing() {
    given(reserved())
        .when(sweep(EXPIRES_AT))
        .then(released())
        .emits([reservation_expired()])
        .when(payment_succeeded())
        .answers(inventory_confirmation_failed())
        .when(order_cancelled())
        .does_nothing()
        .when(payment_refunded())
        .does_nothing()
        .when(payment_failed())
        .does_nothing();
}

#[test]
fn an_illegal_event_is_named_with_its_state() {
    let illegal = Illegal { state: ReservationState::Rejected, event: EventType::PaymentFailed };
    assert_eq!(illegal.to_string(), "PaymentFailed cannot happen to a reservation that is rejected");
}
