use super::*;

/// In this state the failure leads to `instead` (empty: the state stays), and emits nothing.
fn without_compensation(
    saga: &mut Saga<EventType>,
    service: &str,
    failure: EventType,
    state: &'static str,
    instead: &'static [&'static str],
) {
    with_rows(participant(saga, service), |rows| {
        let on = event(failure);
        let at = position(rows, on, state);
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
fn reserved_stock_is_released() {
    breaks(
        Rule::Compensated,
        &["compensated: inventory: OrderCancelled in reserved: stock is held"],
        |saga| {
            without_compensation(saga, "inventory", EventType::OrderCancelled, "reserved", &[]);
        },
    );
}

#[test]
fn confirmed_stock_is_returned() {
    breaks(
        Rule::Compensated,
        &["compensated: inventory: OrderCancelled in confirmed: stock is held"],
        |saga| {
            without_compensation(saga, "inventory", EventType::OrderCancelled, "confirmed", &[]);
            with_state(participant(saga, "inventory"), "confirmed", |state| {
                let unless = vec![event(EventType::PaymentRefunded)].leak();
                state.kind = StateKind::Terminal { unless };
            });
        },
    );
}

/// The order service turns PaymentRefunded into OrderCancelled.
#[test]
fn an_event_that_follows_a_failure_may_compensate_it() {
    let mut saga = saga();
    without_compensation(&mut saga, "inventory", EventType::PaymentRefunded, "reserved", &[]);
    assert_eq!(violations(&saga), []);
}

#[test]
fn a_charge_in_flight_is_stopped_or_refunded() {
    breaks(
        Rule::Compensated,
        &["compensated: payment: OrderCancelled in processing: money is held, or may yet be"],
        |saga| {
            with_rows(participant(saga, "payment"), |rows| {
                let at = position(rows, Trigger::Provider("captured"), "processing");
                rows[at].becomes = &["success"];
            });
        },
    );
}

#[test]
fn a_failure_that_overtakes_the_first_step_is_remembered() {
    breaks(
        Rule::Compensated,
        &["compensated: payment: OrderCancelled in unknown: InventoryReserved may arrive later"],
        |saga| {
            without_compensation(saga, "payment", EventType::OrderCancelled, "unknown", &[]);
        },
    );
}

#[test]
fn an_event_that_releases_a_resource_expects_compensation() {
    breaks(
        Rule::Compensated,
        &["compensated: inventory: PaymentFailed in reserved: gives a resource back"],
        |saga| {
            let participant = participant(saga, "payment");
            announce(participant, EventType::PaymentFailed, Some(Expects::NextStep));
        },
    );
}
