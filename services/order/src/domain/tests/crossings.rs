//! Every event in every state. The cells of a cancellation that is asked for are in `cancelling`.

use minuet_events::{Event, EventType};

use super::samples::*;
use super::story::{DEADLINE, given};
use crate::domain::{Change, Illegal, Order, OrderState};

#[test]
fn a_submission_is_priced_once() {
    given(unknown()).when(submitted()).then(pending()).emits([order_placed()]);
    given(unknown()).when(submitted_in_vain()).then(failed()).emits([order_rejected([problem(
        "unknown_product",
        Some("snow"),
        "there is no product snow",
    )])]);
}

#[test]
fn a_known_order_is_not_submitted_again_whatever_the_body() {
    for state in [pending(), paid(), confirmed(), confirmed_before_its_payment(), cancelled(), failed()] {
        given(state.clone()).when(submitted()).does_nothing();
        given(state).when(submitted_in_vain()).does_nothing();
    }
}

#[test]
fn a_payment_makes_a_pending_order_paid() {
    given(pending()).when(payment_succeeded()).then(paid()).emits([]);
    given(cancelled()).when(payment_succeeded()).does_nothing();
    for state in [unknown(), cancelled_before_submission(["anna"]), paid(), confirmed(), failed()] {
        given(state).when(payment_succeeded()).cannot_happen();
    }
}

#[test]
fn a_confirmation_may_overtake_its_payment() {
    given(pending())
        .when(inventory_confirmed())
        .then(confirmed_before_its_payment())
        .emits([order_confirmed()])
        .when(payment_succeeded())
        .then(confirmed())
        .emits([])
        .when(payment_succeeded())
        .cannot_happen();
}

#[test]
fn a_confirmation_ends_what_is_pending_or_paid() {
    given(paid()).when(inventory_confirmed()).then(confirmed()).emits([order_confirmed()]);
    given(cancelled()).when(inventory_confirmed()).does_nothing();
    for state in [
        unknown(),
        cancelled_before_submission(["anna"]),
        confirmed(),
        confirmed_before_its_payment(),
        failed(),
    ] {
        given(state).when(inventory_confirmed()).cannot_happen();
    }
}

#[test]
fn a_refund_cancels_with_its_reason_also_what_was_confirmed() {
    for state in [pending(), paid(), confirmed(), confirmed_before_its_payment()] {
        given(state.clone())
            .when(payment_refunded())
            .then(cancelled())
            .emits([order_cancelled("refunded", None)])
            .when(payment_refunded())
            .changes(Change::Refunded);
        let mut kept = order_cancelled("refunded", None);
        if let Event::OrderCancelled(kept) = &mut kept {
            kept.return_stock = Some(false);
        }
        given(state).when(payment_refunded_without_return()).then(cancelled()).emits([kept]);
    }
    for state in [pending(), paid(), confirmed(), confirmed_before_its_payment(), cancelled()] {
        given(state).when(payment_refunded_in_part()).changes(Change::Refunded);
    }
    for state in [unknown(), cancelled_before_submission(["anna"]), failed()] {
        given(state).when(payment_refunded()).cannot_happen();
    }
}

#[test]
fn a_failure_elsewhere_cancels_what_is_not_at_its_end() {
    let failures = [
        (payment_failed(), order_cancelled("payment_failed", Some("card_declined"))),
        (reservation_expired(), order_cancelled("reservation_expired", None)),
        (
            inventory_confirmation_failed(),
            order_cancelled("inventory_confirmation_failed", Some("reservation_released")),
        ),
    ];
    for (failure, cancellation) in failures {
        for state in [pending(), paid()] {
            given(state).when(failure.clone()).then(cancelled()).emits([cancellation.clone()]);
        }
        given(cancelled()).when(failure.clone()).does_nothing();
        for state in [
            unknown(),
            cancelled_before_submission(["anna"]),
            confirmed(),
            confirmed_before_its_payment(),
            failed(),
        ] {
            given(state).when(failure.clone()).cannot_happen();
        }
    }
}

#[test]
fn too_little_stock_fails_a_pending_order_and_names_every_shortage() {
    given(pending()).when(inventory_rejected()).then(failed()).emits([order_failed([
        problem("insufficient_stock", Some("tea"), "2 requested, 1 available"),
        problem("insufficient_stock", Some("milk"), "3 requested, 0 available"),
    ])]);
    given(cancelled()).when(inventory_rejected()).does_nothing();
    let others = [
        unknown(),
        cancelled_before_submission(["anna"]),
        paid(),
        confirmed(),
        confirmed_before_its_payment(),
        failed(),
    ];
    for state in others {
        given(state).when(inventory_rejected()).cannot_happen();
    }
}

/// The sweeper found the order before it locked it: what ended in between is no failure of the sweeper's.
#[test]
fn the_deadline_cancels_what_is_pending_or_paid_and_nothing_else() {
    for state in [pending(), paid()] {
        given(state).when(DEADLINE).then(cancelled()).emits([order_cancelled("deadline", None)]);
    }
    let others = [unknown(), cancelled_before_submission(["anna"]), confirmed(), cancelled(), failed()];
    for state in others {
        given(state).when(DEADLINE).does_nothing();
    }
}

#[test]
fn what_happens_after_a_cancellation_changes_nothing() {
    let late = [
        payment_succeeded(),
        inventory_confirmed(),
        payment_failed(),
        reservation_expired(),
        inventory_confirmation_failed(),
        inventory_rejected(),
        submitted(),
    ];
    let end =
        given(pending()).when(DEADLINE).then(Order::Cancelled).emits([order_cancelled("deadline", None)]);
    late.into_iter().fold(end, |order, event| order.when(event).does_nothing());
}

#[test]
fn the_good_end_takes_four_steps() {
    given(unknown())
        .when(submitted())
        .then(pending())
        .emits([order_placed()])
        .when(payment_succeeded())
        .then(paid())
        .emits([])
        .when(inventory_confirmed())
        .then(confirmed())
        .emits([order_confirmed()]);
}

#[test]
fn an_illegal_event_is_named_with_its_state() {
    let illegal = Illegal { state: OrderState::Failed, event: EventType::PaymentSucceeded };
    assert_eq!(illegal.to_string(), "PaymentSucceeded cannot happen to an order that is failed");
}
