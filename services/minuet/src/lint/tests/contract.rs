use super::*;

#[test]
fn a_topics_consumers_are_the_services_that_react() {
    breaks(
        Rule::Topics,
        &["topics: payment: OrderCancelled in ", "orders.events does not list payment"],
        |saga| {
            topic(saga, "orders.events").consumers.retain(|name| name != "payment");
        },
    );
    breaks(Rule::Topics, &["topics: topic declaration: inventory.stock: order is a consumer"], |saga| {
        topic(saga, "inventory.stock").consumers.push("order".to_owned());
    });
}

#[test]
fn a_topics_producers_are_the_services_that_emit() {
    breaks(
        Rule::Topics,
        &["topics: order: OrderSubmitted in unknown", "orders.events does not list order"],
        |saga| {
            topic(saga, "orders.events").producers = vec!["gateway".to_owned()];
        },
    );
    breaks(
        Rule::Topics,
        &["topic declaration: orders.events: payment is a producer, but emits none"],
        |saga| {
            topic(saga, "orders.events").producers.push("payment".to_owned());
        },
    );
    breaks(
        Rule::Topics,
        &["topic declaration: orders.events: shop is a producer, but neither a service nor"],
        |saga| {
            topic(saga, "orders.events").producers.push("shop".to_owned());
        },
    );
}

#[test]
fn an_event_on_a_topic_is_emitted() {
    breaks(
        Rule::Topics,
        &["topic declaration: inventory.stock: no service emits StockAdjustmentRejected"],
        |saga| {
            let participant = participant(saga, "inventory");
            announce(participant, EventType::StockAdjustmentRejected, None);
            with_rows(participant, |rows| {
                let at = position(rows, event(EventType::StockAdjusted), "any");
                rows[at].emits = &[EventType::StockLevelChanged];
            });
        },
    );
}

#[test]
fn an_event_on_a_topic_has_a_schema() {
    breaks(
        Rule::Schemas,
        &["schemas: topic declaration: payments.events: PaymentFailed has no schema"],
        |saga| {
            saga.schemas.retain(|schema| schema.event != EventType::PaymentFailed);
        },
    );
}

#[test]
fn the_event_of_a_schema_is_on_a_topic() {
    breaks(Rule::Schemas, &["schemas: schema file: EventParked.avsc: is on no topic"], |saga| {
        saga.topics.retain(|topic| !topic.name.ends_with("dead-letters"));
    });
}

#[test]
fn a_schema_describes_its_event_and_has_the_topics_key() {
    let placed = EventType::OrderPlaced;
    let with = |saga: &mut Saga<EventType>, json: &str| {
        saga.schemas.retain(|schema| schema.event != placed);
        saga.schemas.push(Schema { event: placed, avro: json.to_owned() });
    };
    breaks(Rule::Schemas, &["OrderPlaced.avsc: describes minuet.orders.OrderSubmitted"], |saga| {
        with(saga, EventType::OrderSubmitted.schema_json());
    });
    breaks(Rule::Schemas, &["OrderPlaced.avsc: orders.events is keyed by order_id"], |saga| {
        with(saga, r#"{"namespace": "minuet.orders", "name": "OrderPlaced", "fields": []}"#);
    });
    breaks(Rule::Schemas, &["OrderPlaced.avsc: is no Avro record"], |saga| with(saga, "{}"));
}
