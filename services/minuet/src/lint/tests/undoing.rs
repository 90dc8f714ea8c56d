use super::*;

fn undo(
    dance: &mut Dance,
    service: &str,
    failure: EventType,
    state: &'static str,
    instead: &'static [&'static str],
) {
    with_rows(dance.part(service), |rows| {
        let on = event(failure);
        let at = the_row(rows, on, state);
        let states: Vec<&'static str> =
            rows[at].states.iter().copied().filter(|name| *name != state).collect();
        rows[at].states = states.leak();
        if rows[at].states.is_empty() {
            rows.remove(at);
        }
        rows.push(transition(on, vec![state].leak(), instead, &[]));
    });
}

#[test]
fn stock_that_is_reserved_is_released() {
    breaks(Rule::Undone, &["undone: inventory: OrderCancelled in reserved: stock is kept"], |dance| {
        undo(dance, "inventory", EventType::OrderCancelled, "reserved", &[]);
    });
}

#[test]
fn stock_that_was_confirmed_is_returned() {
    breaks(Rule::Undone, &["undone: inventory: OrderCancelled in confirmed: stock is kept"], |dance| {
        undo(dance, "inventory", EventType::OrderCancelled, "confirmed", &[]);
        with_states(dance.part("inventory"), "confirmed", |state| {
            let unless = vec![event(EventType::PaymentRefunded)].leak();
            state.kind = StateKind::Terminal { unless };
        });
    });
}

/// What others make of a failure counts too: the order turns PaymentRefunded into OrderCancelled.
#[test]
fn a_failure_may_be_undone_by_what_follows_it() {
    let mut dance = dance();
    undo(&mut dance, "inventory", EventType::PaymentRefunded, "reserved", &[]);
    assert_eq!(violations(&dance), []);
}

#[test]
fn a_charge_under_way_is_stopped_or_refunded() {
    breaks(
        Rule::Undone,
        &["undone: payment: OrderCancelled in processing: money is kept, or may be"],
        |dance| {
            with_rows(dance.part("payment"), |rows| {
                let at = the_row(rows, Trigger::Provider("captured"), "processing");
                rows[at].becomes = &["success"];
            });
        },
    );
}

#[test]
fn an_end_that_came_before_the_beginning_is_remembered() {
    breaks(
        Rule::Undone,
        &["undone: payment: OrderCancelled in unknown: InventoryReserved may come after it"],
        |dance| {
            undo(dance, "payment", EventType::OrderCancelled, "unknown", &[]);
        },
    );
}

#[test]
fn what_makes_a_service_give_back_is_declared_a_failure() {
    breaks(
        Rule::Undone,
        &["undone: inventory: PaymentFailed in reserved: what is kept is given back"],
        |dance| {
            let part = dance.part("payment");
            let mut tells = part.announces.to_vec();
            tells.retain(|(event, _)| *event != EventType::PaymentFailed);
            tells.push((EventType::PaymentFailed, Expects::NextStep));
            part.announces = tells.leak();
        },
    );
}
