use super::*;

#[test]
fn an_open_state_has_a_deadline() {
    breaks(Rule::Ends, &["ends: order: paid: it is not final, and nothing ends it"], |dance| {
        with_states(dance.part("order"), "paid", |state| state.kind = StateKind::Open { ended_by: &[] });
    });
}

#[test]
fn an_event_is_no_deadline() {
    breaks(
        Rule::Ends,
        &["ends: order: PaymentFailed in pending: is to end it, but an event need not come"],
        |dance| {
            let ended_by = vec![event(EventType::PaymentFailed)].leak();
            with_states(dance.part("order"), "pending", |state| state.kind = StateKind::Open { ended_by });
        },
    );
}

#[test]
fn a_deadline_does_something() {
    breaks(
        Rule::Ends,
        &["ends: order: time: deadline in pending: is to end it, but may leave it as it is"],
        |dance| {
            with_rows(dance.part("order"), |rows| {
                let at = the_row(rows, DEADLINE, "pending");
                rows[at].states = &["paid"];
                rows.push(transition(DEADLINE, &["pending"], &[], &[]));
            });
        },
    );
}

#[test]
fn a_final_state_stays() {
    breaks(
        Rule::Ends,
        &["ends: order: PaymentFailed in cancelled: it is final, but this changes it"],
        |dance| {
            with_rows(dance.part("order"), |rows| {
                let at = the_row(rows, event(EventType::PaymentFailed), "cancelled");
                rows[at].becomes = &["failed"];
            });
        },
    );
}

#[test]
fn what_changes_a_final_state_is_there() {
    breaks(
        Rule::Ends,
        &["ends: order: PaymentRefunded in cancelled: is to change it, but does not"],
        |dance| {
            let unless = vec![event(EventType::PaymentRefunded)].leak();
            with_states(dance.part("order"), "cancelled", |state| {
                state.kind = StateKind::Terminal { unless }
            });
        },
    );
}

#[test]
fn every_pair_has_a_row_or_a_reason() {
    let says = ["covered: order: PaymentSucceeded in cancelled: has no row, and is not declared impossible"];
    breaks(Rule::Covered, &says, |dance| {
        with_rows(dance.part("order"), |rows| {
            let at = the_row(rows, event(EventType::PaymentSucceeded), "cancelled");
            rows[at].states = &["confirmed"];
        });
    });
}

#[test]
fn and_not_both_nor_two() {
    let part = dance().part("inventory").impossible.to_vec();
    let impossible =
        [part, vec![impossible(&[Trigger::Time("expiry")], &["released"], "it is not")]].concat();
    let impossible: &'static [Impossible<EventType>] = impossible.leak();
    breaks(Rule::Covered, &["time: expiry in released: has a row, and is declared impossible"], |dance| {
        dance.part("inventory").impossible = impossible;
    });
    breaks(Rule::Covered, &["PaymentFailed in released: has 2 rows"], |dance| {
        with_rows(dance.part("inventory"), |rows| {
            rows.push(transition(Trigger::Event(EventType::PaymentFailed), &["released"], &[], &[]));
        });
    });
}

#[test]
fn every_state_is_there_and_reached() {
    breaks(Rule::Covered, &["RefundRequested in success", "there is no state refund_owed"], |dance| {
        with_rows(dance.part("payment"), |rows| {
            let at = the_row(rows, event(EventType::RefundRequested), "success");
            rows[at].becomes = &["refund_due", "refund_owed"];
        });
    });
    breaks(Rule::Covered, &["covered: inventory: rejected: nothing leads to it"], |dance| {
        with_rows(dance.part("inventory"), |rows| {
            let at = the_row(rows, event(EventType::OrderPlaced), "unknown");
            rows[at].becomes = &["reserved"];
        });
    });
}
