use super::*;

#[test]
fn an_event_that_expects_a_reaction_has_a_reader() {
    breaks(
        Rule::Consumed,
        &["consumed: inventory: OrderCancelled in ", "no service reacts to InventoryReleased"],
        |saga| {
            let participant = participant(saga, "inventory");
            announce(participant, EventType::InventoryReleased, Some(Expects::NextStep));
        },
    );
}

#[test]
fn an_event_that_expects_nothing_has_no_reader() {
    breaks(Rule::Consumed, &["InventoryConfirmed expects nothing, but order reacts"], |saga| {
        let participant = participant(saga, "inventory");
        announce(participant, EventType::InventoryConfirmed, Some(Expects::Nothing));
    });
}

#[test]
fn an_emitted_event_is_announced() {
    breaks(Rule::Consumed, &["consumed: order: ", "does not announce it"], |saga| {
        let part = participant(saga, "order");
        part.announces = &part.announces[..part.announces.len() - 1];
    });
}

#[test]
fn a_consumed_event_has_an_emitter() {
    breaks(
        Rule::Produced,
        &["produced: order: ReservationExpired in pending, paid: no service emits the event"],
        |saga| {
            let participant = participant(saga, "inventory");
            announce(participant, EventType::ReservationExpired, None);
            with_rows(participant, |rows| {
                let at = position(rows, Trigger::Time("expiry"), "reserved");
                rows[at].emits = &[];
            });
        },
    );
}
