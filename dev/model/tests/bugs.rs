//! The check can fail: each planted bug is found, by the harm that it does, with the shortest counterexample.

use std::io::Write;

use minuet_model::{Allowed, Bug, PLANTED, Setting, shortest};

const ILLEGAL: &str = "no event meets a state that cannot take it";
const MONEY: &str = "one capture at most, refunded <= captured <= total";
const SHELVES: &str = "on hand is available and reserved, none negative";
const PRICED: &str = "an order is placed at the total that its user saw, or not at all";
const CONFIRMED: &str = "a confirmed order has a capture, or its refund is on the way";
const TOO_LATE: &str = "nothing is charged that payment knows to be over";
const GROUND: &str = "every step that is no fault gains ground";
const ENDS: &str = "at rest every order has ended";
const GOODS: &str = "at rest goods are away for confirmed orders only, and held for none";
const BALANCE: &str = "at rest captured - refunded is what confirmed orders are worth";
const ANSWERED: &str = "at rest every request was honoured or refused";

fn world(allowed: Allowed) -> Setting {
    Setting { allowed, ..PLANTED }
}

/// Prints past the test harness, which keeps what succeeds to itself.
#[track_caller]
fn finds(bug: Bug, setting: Setting, harm: &'static str) {
    let counterexample = shortest(setting, Some(bug), harm).expect("the world can be made");
    let counterexample = counterexample.unwrap_or_else(|| panic!("{bug:?} does not break: {harm}"));
    write!(std::io::stderr(), "\n{bug:?} is found in {} steps. {counterexample}", counterexample.steps.len())
        .expect("standard error takes it");
}

#[test]
fn each_planted_bug_is_found() {
    let calm = PLANTED.allowed;
    let crashes = world(Allowed { crashes: true, ..calm });
    let repetitions = world(Allowed { repetitions: true, ..calm });
    let silence = world(Allowed { silence: true, ..calm });
    // Neither expiry nor deadline may be needed for an order to end: they would hide bugs.
    let timeless = world(Allowed { time: false, late_clocks: false, ..calm });

    finds(Bug::NoInbox, repetitions, ILLEGAL);
    finds(Bug::OffsetBeforeCommit, crashes, ENDS);
    finds(Bug::NoOutbox, crashes, ENDS);
    finds(Bug::ChargeAfterCancel, timeless, BALANCE);
    finds(Bug::ForgetPrevention, timeless, BALANCE);
    finds(Bug::ForgetEarlyCancellation, timeless, ANSWERED);
    finds(Bug::ReleaseTwice, PLANTED, SHELVES);
    finds(Bug::ExpiryIgnoredByPayment, PLANTED, TOO_LATE);
    finds(Bug::ConfirmUnchecked, PLANTED, SHELVES);
    finds(Bug::RefundNotIdempotent, silence, MONEY);
    finds(Bug::ChargeNotIdempotent, crashes, MONEY);
    finds(Bug::StockNotReturned, timeless, GOODS);
    finds(Bug::ConfirmOnlyFromPaid, timeless, ENDS);
    finds(Bug::StopForgotten, timeless, BALANCE);
    finds(Bug::FailedTooEarly, timeless, BALANCE);
    finds(Bug::RefundLeavesOrder, world(Allowed { refunds: 2, ..timeless.allowed }), CONFIRMED);
    finds(Bug::AnswerNeverRecorded, timeless, GROUND);
    finds(Bug::ExpectedTotalIgnored, world(Allowed { price_changes: true, ..calm }), PRICED);
    let parts = world(Allowed { refunds: 2, time: false, late_clocks: false, ..calm });
    finds(Bug::PartsForgotten, parts, MONEY);
}
