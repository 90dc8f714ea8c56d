//! Who may cancel what: before the order is known, while it is under way, and when it is too late.

use super::samples::*;
use super::story::given;
use crate::domain::{EarlyCancellation, MAX_EARLY_CANCELLATIONS, MAX_EARLY_REASON_CHARS};

#[test]
fn its_user_or_an_admin_cancels_an_order_under_way() {
    for state in [pending(), paid()] {
        for name in ["anna", "admin:root"] {
            given(state.clone())
                .when(cancellation_requested_by(name))
                .then(cancelled())
                .emits([order_cancelled("requested", Some("too slow"))])
                .when(cancellation_requested_by(name))
                .answers(cancellation_rejected("already_cancelled"));
        }
    }
}

#[test]
fn a_stranger_cancels_nothing() {
    for state in [pending(), paid()] {
        for name in ["bert", "administrator", "Admin:root", "anna2"] {
            given(state.clone())
                .when(cancellation_requested_by(name))
                .answers(cancellation_rejected("not_permitted"));
        }
    }
}

#[test]
fn what_has_ended_is_not_cancelled_by_anybody() {
    let ends = [
        (confirmed(), "already_confirmed"),
        (confirmed_before_its_payment(), "already_confirmed"),
        (cancelled(), "already_cancelled"),
        (failed(), "already_failed"),
    ];
    for (end, reason) in ends {
        for name in ["anna", "admin:root", "bert"] {
            given(end.clone()).when(cancellation_requested_by(name)).answers(cancellation_rejected(reason));
        }
    }
}

#[test]
fn a_cancellation_before_the_order_is_kept() {
    given(unknown())
        .when(cancellation_requested_by("bert"))
        .then(cancelled_before_submission(["bert"]))
        .emits([])
        .when(cancellation_requested_by("anna"))
        .then(cancelled_before_submission(["bert", "anna"]))
        .emits([]);
}

#[test]
fn each_user_s_first_cancellation_before_the_order_is_kept_and_no_other() {
    given(unknown())
        .when(cancellation_requested_by("anna"))
        .then(cancelled_before_submission(["anna"]))
        .emits([])
        .when(cancellation_requested_by("anna"))
        .answers(cancellation_rejected("already_requested"));
    // An admin's cancels the order of every user.
    for name in ["anna", "bert", "admin:root", "admin:boss"] {
        given(cancelled_before_submission(["bert", "admin:root"]))
            .when(cancellation_requested_by(name))
            .answers(cancellation_rejected("already_requested"));
    }
}

#[test]
fn users_fill_the_room_for_cancellations_before_the_order_and_leave_an_admin_s() {
    let mut story = given(unknown());
    for n in 0..MAX_EARLY_CANCELLATIONS {
        story = story.when(cancellation_requested_by(&format!("user-{n}"))).emits([]);
    }
    story
        .when(cancellation_requested_by("anna"))
        .answers(cancellation_rejected("too_many_requests"))
        .when(cancellation_requested_by("admin:root"))
        .emits([])
        .when(submitted())
        .then(cancelled())
        .emits([order_cancelled("requested", Some("too slow"))]);
}

#[test]
fn a_long_reason_is_cut_before_it_is_kept() {
    let reason = "ä".repeat(1 << 20);
    let kept = EarlyCancellation::new(&user("anna"), &reason, EVENT);
    assert_eq!(kept.reason, "ä".repeat(MAX_EARLY_REASON_CHARS));
}

/// What release 0.1 stored has no request.
#[test]
fn cancellations_are_read_as_release_0_1_stored_them() {
    let stored = r#"{"requested_by": "anna", "reason": "too slow"}"#;
    let early: EarlyCancellation = serde_json::from_str(stored).unwrap();
    assert_eq!(early, EarlyCancellation { request: None, ..early_cancellation("anna") });
}

#[test]
fn it_counts_once_the_order_comes_if_its_user_or_an_admin_asked() {
    for early in [
        cancelled_before_submission(["anna"]),
        cancelled_before_submission(["admin:root"]),
        cancelled_before_submission(["bert", "anna"]),
    ] {
        for submission in [submitted(), submitted_in_vain()] {
            given(early.clone())
                .when(submission)
                .then(cancelled())
                .emits([order_cancelled("requested", Some("too slow"))])
                .when(submitted())
                .does_nothing();
        }
    }
}

#[test]
fn a_stranger_cannot_keep_an_order_from_being_placed() {
    given(cancelled_before_submission(["bert", "carl"]))
        .when(submitted())
        .then(pending())
        .emits([order_placed()]);
    given(cancelled_before_submission(["bert"]))
        .when(submitted_in_vain())
        .then(failed())
        .emits([order_rejected([problem("unknown_product", Some("snow"), "there is no product snow")])]);
}
