use minuet_events::EventType;

use super::*;

const YAML: &str = include_str!("../../../../../topics.yaml");

fn refusal(from: &str, to: &str) -> String {
    assert!(YAML.contains(from), "the test changes what is not there: {from}");
    Catalogue::parse(&YAML.replacen(from, to, 1)).expect_err("a broken catalogue").to_string()
}

#[test]
fn every_record_has_its_topic() {
    let catalogue = Catalogue::embedded().expect("topics.yaml");
    assert_eq!(catalogue.partitions(), 8);
    assert_eq!(catalogue.topic_of(EventType::OrderPlaced), "orders.events");
    assert_eq!(catalogue.topic_of(EventType::StockLevelChanged), "inventory.stock");
    assert_eq!(catalogue.topic_of(EventType::EventParked), "dead-letters");
    for &record in EventType::ALL.iter().filter(|&&record| record != EventType::EventParked) {
        let at = catalogue.topic_of(record);
        assert!(catalogue.allowed(at, record), "{at} {}", record.name());
        assert_eq!(
            catalogue.topics().iter().filter(|topic| catalogue.allowed(&topic.name, record)).count(),
            1
        );
    }
    assert!(catalogue.allowed("payment.dead-letters", EventType::EventParked));
    assert!(!catalogue.allowed("orders.events", EventType::EventParked));
    assert!(!catalogue.allowed("no.such-topic", EventType::OrderPlaced));
}

#[test]
fn strangers_write_to_intake_topics_only() {
    let catalogue = Catalogue::embedded().expect("topics.yaml");
    let intake: Vec<_> =
        catalogue.topics().iter().filter(|t| t.is_intake()).map(|t| t.name.as_str()).collect();
    assert_eq!(intake, ["orders.intake", "inventory.intake", "payments.intake", "catalog.products"]);
    assert!(catalogue.is_compacted("catalog.products"));
    assert!(!catalogue.is_compacted("orders.events"));
    assert!(!catalogue.is_compacted("no.such-topic"));
}

#[test]
fn tests_may_do_with_fewer_partitions() {
    let catalogue = Catalogue::embedded().and_then(|c| c.with_partitions(2)).expect("two partitions");
    assert_eq!(catalogue.partitions(), 2);
    assert!(catalogue.topics().iter().all(|topic| topic.partitions == 2));
    assert!(catalogue.clone().with_partitions(0).is_err());
    assert!(catalogue.with_replication(0).is_err());
}

#[test]
fn a_broken_catalogue_says_what_is_wrong() {
    let cases = [
        ("[StockAdjusted]", "[StockAdjustd]", "inventory.intake has the record `StockAdjustd`"),
        ("[StockAdjusted]", "[OrderPlaced]", "OrderPlaced is on orders.events and on inventory.intake"),
        ("[RefundRequested]", "[EventParked]", "the record RefundRequested has no topic"),
        (
            "partitions: 8\n    replication: 1\n    cleanup",
            "partitions: 4\n    replication: 1\n    cleanup",
            "catalog.products has 4 partitions and orders.intake has 8",
        ),
        ("name: orders.events", "name: orders.intake", "orders.intake is declared twice"),
        ("retention: 7d", "retention: 7 days", "orders.intake: retention is a whole number"),
        ("    retention: 7d\n", "", "orders.intake: cleanup delete needs a retention"),
        (
            "cleanup: compact",
            "cleanup: compact\n    retention: 7d",
            "catalog.products: a compacted topic has no retention",
        ),
        ("name: orders.intake", "name: Orders_intake", "a topic's name"),
        ("cleanup: delete", "cleanup: shred", "shred"),
        ("key: order_id", "keyed: order_id", "keyed"),
        ("replication: 1", "replication: 0", "orders.intake: replication is 1 to"),
    ];
    for (from, to, message) in cases {
        let said = refusal(from, to);
        assert!(said.contains(message), "{to}: {said}");
    }
}
