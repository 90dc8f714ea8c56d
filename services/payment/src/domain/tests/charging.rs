//! From what was reserved to the provider's answer.

use minuet_events::values::{Amount, Currency, Micros};
use minuet_events::{Event, EventType};

use super::samples::*;
use super::story::{GIVEN_BACK, at, given};
use crate::domain::{Change, Illegal, InputKind, PaymentState};

#[test]
fn what_is_reserved_is_charged_by_an_intent_first() {
    given(unknown()).when(inventory_reserved()).then(processing()).by([Change::Intent(charge())]).emits([]);
}

#[test]
fn a_reservation_past_its_time_is_not_charged() {
    for late in [EXPIRES_AT, Micros(EXPIRES_AT.0 + 1), Micros(i64::MAX)] {
        given(unknown())
            .when(at(late, inventory_reserved()))
            .then(failed())
            .emits([payment_failed("reservation_expired", None)]);
    }
    given(unknown()).when(at(Micros(EXPIRES_AT.0 - 1), inventory_reserved())).then(processing()).emits([]);
}

/// Placed by a release that did not look at the currency's decimals.
#[test]
fn an_amount_that_does_not_fit_its_currency_is_not_charged() {
    let mut event = inventory_reserved();
    let Event::InventoryReserved(reserved) = &mut event else { panic!() };
    (reserved.total, reserved.currency) = (Amount::parse("100.5").unwrap(), Currency::parse("JPY").unwrap());
    let mut told = payment_failed("too_many_decimals", None);
    let Event::PaymentFailed(refused) = &mut told else { panic!() };
    (refused.amount, refused.currency) = (Some(reserved.total), Some(reserved.currency));
    given(unknown()).when(event).then(failed()).emits([told]);
}

#[test]
fn after_the_end_there_is_nothing_to_charge() {
    given(prevented()).when(inventory_reserved()).does_nothing();
    given(prevented()).when(at(EXPIRES_AT, inventory_reserved())).does_nothing();
}

#[test]
fn an_order_is_charged_once() {
    for state in [
        processing(),
        stopping("order_cancelled"),
        success(),
        refund_due("order_cancelled"),
        refunded(),
        failed(),
    ] {
        given(state.clone()).when(inventory_reserved()).cannot_happen();
        given(state).when(at(EXPIRES_AT, inventory_reserved())).cannot_happen();
    }
}

#[test]
fn a_capture_is_told() {
    given(processing()).when(captured()).then(success()).by([capture()]).emits([payment_succeeded()]);
}

#[test]
fn a_decline_is_told_with_its_reason() {
    given(processing()).when(declined()).then(failed()).emits([payment_failed("card_declined", None)]);
}

/// Of a call that was repeated after a crash.
#[test]
fn a_repeated_answer_changes_nothing() {
    for answer in [captured(), declined()] {
        for state in [success(), refund_due("order_cancelled"), refunded(), failed()] {
            given(state).when(answer.clone()).does_nothing();
        }
        given(processing())
            .when(captured())
            .then(success())
            .emits([payment_succeeded()])
            .when(answer)
            .does_nothing();
    }
    given(refunded()).when(GIVEN_BACK.clone()).does_nothing();
}

#[test]
fn there_is_no_answer_where_nothing_was_asked() {
    for state in [unknown(), prevented()] {
        given(state.clone()).when(captured()).cannot_happen();
        given(state).when(declined()).cannot_happen();
    }
    for state in [unknown(), prevented(), processing(), stopping("order_cancelled"), failed()] {
        given(state).when(GIVEN_BACK.clone()).cannot_happen();
    }
}

#[test]
fn an_illegal_event_is_named_with_its_state() {
    let input = InputKind::Event(EventType::InventoryReserved);
    let illegal = Illegal { state: PaymentState::Success, input };
    assert_eq!(illegal.to_string(), "InventoryReserved cannot happen to a payment that is success");
}
