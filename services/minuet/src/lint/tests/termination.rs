use super::*;

#[test]
fn an_open_state_has_a_deadline() {
    breaks(
        Rule::Terminates,
        &["terminates: order: paid: the state is not terminal, but nothing ends it"],
        |saga| {
            with_state(participant(saga, "order"), "paid", |state| {
                state.kind = StateKind::Open { ended_by: &[] }
            });
        },
    );
}

#[test]
fn an_event_is_no_deadline() {
    breaks(
        Rule::Terminates,
        &[
            "terminates: order: PaymentFailed in pending: is declared to end the state, but an event may never arrive",
        ],
        |saga| {
            let ended_by = vec![event(EventType::PaymentFailed)].leak();
            with_state(participant(saga, "order"), "pending", |state| {
                state.kind = StateKind::Open { ended_by }
            });
        },
    );
}

#[test]
fn a_deadline_does_something() {
    breaks(
        Rule::Terminates,
        &["terminates: order: time: deadline in pending: is declared to end the state, but may keep it"],
        |saga| {
            with_rows(participant(saga, "order"), |rows| {
                let at = position(rows, DEADLINE, "pending");
                rows[at].states = &["paid"];
                rows.push(transition(DEADLINE, &["pending"], &[], &[]));
            });
        },
    );
}

#[test]
fn a_terminal_state_stays() {
    breaks(
        Rule::Terminates,
        &["terminates: order: PaymentFailed in cancelled: changes a terminal state"],
        |saga| {
            with_rows(participant(saga, "order"), |rows| {
                let at = position(rows, event(EventType::PaymentFailed), "cancelled");
                rows[at].becomes = &["failed"];
            });
        },
    );
}

#[test]
fn a_trigger_that_ends_a_terminal_state_has_a_row() {
    breaks(
        Rule::Terminates,
        &["terminates: order: PaymentRefunded in cancelled: is declared to change the state, but never does"],
        |saga| {
            let unless = vec![event(EventType::PaymentRefunded)].leak();
            with_state(participant(saga, "order"), "cancelled", |state| {
                state.kind = StateKind::Terminal { unless }
            });
        },
    );
}

#[test]
fn each_pair_has_a_row_or_is_impossible() {
    let says = ["covered: order: PaymentSucceeded in cancelled: has no row, and is not declared impossible"];
    breaks(Rule::Covered, &says, |saga| {
        with_rows(participant(saga, "order"), |rows| {
            let at = position(rows, event(EventType::PaymentSucceeded), "cancelled");
            rows[at].states = &["confirmed"];
        });
    });
}

#[test]
fn no_pair_has_both_or_two_rows() {
    let part = participant(&mut saga(), "inventory").impossible.to_vec();
    let impossible =
        [part, vec![impossible(&[Trigger::Time("expiry")], &["released"], "it is not")]].concat();
    let impossible: &'static [Impossible<EventType>] = impossible.leak();
    breaks(Rule::Covered, &["time: expiry in released: has a row, and is declared impossible"], |saga| {
        participant(saga, "inventory").impossible = impossible;
    });
    breaks(Rule::Covered, &["PaymentFailed in released: has 2 rows"], |saga| {
        with_rows(participant(saga, "inventory"), |rows| {
            rows.push(transition(Trigger::Event(EventType::PaymentFailed), &["released"], &[], &[]));
        });
    });
}

#[test]
fn each_state_exists_and_is_reached() {
    breaks(Rule::Covered, &["RefundRequested in success", "there is no state refund_owed"], |saga| {
        with_rows(participant(saga, "payment"), |rows| {
            let at = position(rows, event(EventType::RefundRequested), "success");
            rows[at].becomes = &["refund_due", "refund_owed"];
        });
    });
    breaks(Rule::Covered, &["covered: inventory: rejected: no row leads to this state"], |saga| {
        with_rows(participant(saga, "inventory"), |rows| {
            let at = position(rows, event(EventType::OrderPlaced), "unknown");
            rows[at].becomes = &["reserved"];
        });
    });
}
