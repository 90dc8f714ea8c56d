use super::*;
use crate::test_contract::{TOPICS, TestKind};

fn catalogue() -> Catalogue<TestKind> {
    Catalogue::parse(TOPICS).expect("the test's topics")
}

fn refusal(from: &str, to: &str) -> String {
    assert!(TOPICS.contains(from), "the test changes text that is not there: {from}");
    Catalogue::<TestKind>::parse(&TOPICS.replacen(from, to, 1)).expect_err("a broken catalogue").to_string()
}

#[test]
fn every_record_has_its_topic() {
    let catalogue = catalogue();
    assert_eq!(catalogue.partitions(), 8);
    assert_eq!(catalogue.topic_of(TestKind::Asked), "numbers.intake");
    assert_eq!(catalogue.topic_of(TestKind::Parked), DEAD_LETTERS);
    assert!(catalogue.allowed("numbers.events", TestKind::Answered));
    assert!(catalogue.allowed("numbers.dead-letters", TestKind::Parked));
    assert!(!catalogue.allowed("numbers.events", TestKind::Asked));
    assert!(!catalogue.allowed("no.such-topic", TestKind::Asked));
}

#[test]
fn on_an_external_topic_other_records_are_foreign() {
    let topics = TOPICS.replacen("records: [Answered]", "records: [Answered]\n    external: true", 1);
    let catalogue: Catalogue<TestKind> = Catalogue::parse(&topics).expect("an external topic");
    let foreign = |topic, ce_type: Option<&str>| catalogue.is_foreign(topic, ce_type.map(str::as_bytes));
    assert!(!foreign("numbers.events", Some("Answered")));
    assert!(foreign("numbers.events", Some("Asked")), "a record of the contract that is not declared there");
    assert!(foreign("numbers.events", Some("SomethingElse")));
    assert!(foreign("numbers.events", None));
    assert!(!foreign("numbers.intake", Some("SomethingElse")), "our own topic: it is parked");
}

#[test]
fn strangers_write_to_intake_topics_only() {
    let catalogue = catalogue();
    let topics = catalogue.topics().iter();
    let intake: Vec<_> = topics.filter(|topic| topic.is_intake()).map(|topic| topic.name.as_str()).collect();
    assert_eq!(intake, ["numbers.intake", "numbers.list"]);
    assert!(catalogue.is_compacted("numbers.list"));
    assert!(!catalogue.is_compacted("numbers.events"));
    assert!(!catalogue.is_compacted("no.such-topic"));
}

#[test]
fn tests_may_do_with_fewer_partitions() {
    let catalogue = catalogue().with_partitions(2).expect("two partitions");
    assert_eq!(catalogue.partitions(), 2);
    assert!(catalogue.topics().iter().filter(|topic| topic.is_keyed()).all(|topic| topic.partitions == 2));
    assert!(catalogue.clone().with_partitions(0).is_err());
    assert!(catalogue.with_replication(0).is_err());
}

#[test]
fn a_broken_catalogue_says_what_is_wrong() {
    let cases = [
        ("[Asked]", "[Askd]", "numbers.intake has the record `Askd`"),
        ("[Answered]", "[Asked]", "Asked is on numbers.intake and on numbers.events"),
        ("[Answered]", "[Parked]", "the record Answered has no topic"),
        (
            "partitions: 8\n    replication: 1\n    cleanup",
            "partitions: 4\n    replication: 1\n    cleanup",
            "numbers.list has 4 partitions and numbers.intake has 8",
        ),
        ("name: numbers.events", "name: numbers.intake", "numbers.intake is declared twice"),
        ("retention: 7d", "retention: 7 days", "numbers.intake: retention is a whole number"),
        ("    retention: 7d\n", "", "numbers.intake: cleanup delete needs a retention"),
        (
            "cleanup: compact",
            "cleanup: compact\n    retention: 7d",
            "numbers.list: a compacted topic has no retention",
        ),
        ("name: numbers.intake", "name: Numbers_intake", "a topic's name"),
        ("cleanup: delete", "cleanup: shred", "shred"),
        ("key: number", "keyed: number", "keyed"),
        ("replication: 1", "replication: 0", "numbers.intake: replication is 1 to"),
    ];
    for (from, to, message) in cases {
        let said = refusal(from, to);
        assert!(said.contains(message), "{to}: {said}");
    }
}

#[test]
fn a_key_stays_on_its_partition_however_many_the_cluster_has() {
    let catalogue: Catalogue<TestKind> = Catalogue::parse(TOPICS).expect("the test's topics");
    let of = |topic, key: Option<&str>| catalogue.partition_of(topic, key.map(str::as_bytes));
    let shard = minuet_envelope::partition::shard(b"7", 8).cast_signed();
    assert_eq!(of("numbers.events", Some("7")), Some(shard));
    assert_eq!(of("numbers.events", None), None);
}
