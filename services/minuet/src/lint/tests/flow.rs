use super::*;

#[test]
fn what_asks_something_has_a_reader() {
    breaks(
        Rule::Consumed,
        &["consumed: inventory: OrderCancelled in ", "nobody reacts to InventoryReleased"],
        |dance| {
            let part = dance.part("inventory");
            let mut tells = part.announces.to_vec();
            tells.retain(|(event, _)| *event != EventType::InventoryReleased);
            tells.push((EventType::InventoryReleased, Expects::NextStep));
            part.announces = tells.leak();
        },
    );
}

#[test]
fn what_asks_nothing_has_none() {
    breaks(Rule::Consumed, &["InventoryConfirmed is to ask nothing of anybody, but order reacts"], |dance| {
        let part = dance.part("inventory");
        let mut tells = part.announces.to_vec();
        tells.retain(|(event, _)| *event != EventType::InventoryConfirmed);
        tells.push((EventType::InventoryConfirmed, Expects::Nothing));
        part.announces = tells.leak();
    });
}

#[test]
fn what_it_asks_is_said() {
    breaks(Rule::Consumed, &["consumed: order: ", "does not say what that asks"], |dance| {
        let part = dance.part("order");
        part.announces = &part.announces[..part.announces.len() - 1];
    });
}

#[test]
fn what_is_consumed_comes_from_somebody() {
    breaks(
        Rule::Produced,
        &["produced: order: ReservationExpired in pending, paid: nobody emits it"],
        |dance| {
            let part = dance.part("inventory");
            let mut tells = part.announces.to_vec();
            tells.retain(|(event, _)| *event != EventType::ReservationExpired);
            part.announces = tells.leak();
            with_rows(part, |rows| {
                let at = the_row(rows, Trigger::Time("expiry"), "reserved");
                rows[at].emits = &[];
            });
        },
    );
}
