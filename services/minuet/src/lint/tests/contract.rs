use super::*;

#[test]
fn consumers_are_those_that_react() {
    breaks(
        Rule::Topics,
        &["topics: payment: OrderCancelled in ", "orders.events does not list payment"],
        |dance| {
            dance.topic("orders.events").consumers.retain(|name| name != "payment");
        },
    );
    breaks(Rule::Topics, &["topics: topics.yaml: inventory.stock: order is a consumer"], |dance| {
        dance.topic("inventory.stock").consumers.push("order".to_owned());
    });
}

#[test]
fn producers_are_those_that_emit() {
    breaks(
        Rule::Topics,
        &["topics: order: OrderSubmitted in unknown", "orders.events does not list order"],
        |dance| {
            dance.topic("orders.events").producers = vec!["gateway".to_owned()];
        },
    );
    breaks(Rule::Topics, &["topics.yaml: orders.events: payment is a producer, but emits none"], |dance| {
        dance.topic("orders.events").producers.push("payment".to_owned());
    });
    breaks(Rule::Topics, &["topics.yaml: orders.events: there is no service shop"], |dance| {
        dance.topic("orders.events").producers.push("shop".to_owned());
    });
}

#[test]
fn a_record_is_emitted() {
    breaks(Rule::Topics, &["topics.yaml: inventory.stock: nobody emits StockAdjustmentRejected"], |dance| {
        let part = dance.part("inventory");
        let mut tells = part.announces.to_vec();
        tells.retain(|(event, _)| *event != EventType::StockAdjustmentRejected);
        part.announces = tells.leak();
        with_rows(part, |rows| {
            let at = the_row(rows, event(EventType::StockAdjusted), "any");
            rows[at].emits = &[EventType::StockLevelChanged];
        });
    });
}

#[test]
fn a_record_on_a_topic_has_one() {
    breaks(Rule::Schemas, &["schemas: topics.yaml: payments.events: PaymentFailed has no schema"], |dance| {
        dance.schemas.retain(|(event, _)| *event != EventType::PaymentFailed);
    });
}

#[test]
fn it_lies_on_a_topic() {
    breaks(Rule::Schemas, &["schemas: schemas: EventParked.avsc: it is on no topic"], |dance| {
        dance.topics.retain(|topic| !topic.name.ends_with("dead-letters"));
    });
}

#[test]
fn it_describes_the_record_and_has_the_topics_key() {
    let placed = EventType::OrderPlaced;
    let with = |dance: &mut Dance, json| {
        dance.schemas.retain(|(event, _)| *event != placed);
        dance.schemas.push((placed, json));
    };
    breaks(Rule::Schemas, &["OrderPlaced.avsc: it describes minuet.orders.OrderSubmitted"], |dance| {
        with(dance, EventType::OrderSubmitted.schema_json());
    });
    breaks(Rule::Schemas, &["OrderPlaced.avsc: orders.events is keyed by order_id"], |dance| {
        with(dance, r#"{"namespace": "minuet.orders", "name": "OrderPlaced", "fields": []}"#);
    });
    breaks(Rule::Schemas, &["OrderPlaced.avsc: it is no record"], |dance| with(dance, "{}"));
}
