//! librdkafka settings. Precedence: settings that the guarantees rest on, then the installation's, then defaults.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

fn base(kafka: &BTreeMap<String, String>, defaults: &[(&str, &str)], fixed: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in defaults {
        config.set(*name, *value);
    }
    for (name, value) in kafka {
        config.set(name, value);
    }
    for (name, value) in fixed {
        config.set(*name, *value);
    }
    config
}

const PRODUCER_ONLY: &[&str] = &["linger.ms", "compression.type", "batch.size", "message.timeout.ms"];
const CONSUMER_ONLY: &[&str] = &[
    "group.protocol",
    "fetch.wait.max.ms",
    "fetch.max.bytes",
    "queued.max.messages.kbytes",
    "queued.min.messages",
];

/// Removes the settings that only the other kind of client understands: librdkafka warns about them.
fn without(kafka: &BTreeMap<String, String>, foreign: &[&str]) -> BTreeMap<String, String> {
    kafka
        .iter()
        .filter(|(name, _)| !foreign.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

/// Error classes for meters: `error.type` of the semantic conventions.
pub(crate) fn error_type(error: &KafkaError) -> &'static str {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::RequestTimedOut) => "timeout",
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidRecord,
        ) => "refused",
        Some(RDKafkaErrorCode::QueueFull) => "queue_full",
        _ => "other",
    }
}

/// Interval of the client's statistics, for meters.
const STATISTICS: (&str, &str) = ("statistics.interval.ms", "5000");

pub(crate) fn consumer(kafka: &BTreeMap<String, String>, group: &str, client: &str) -> ClientConfig {
    let kafka = without(kafka, PRODUCER_ONLY);
    let mut defaults = vec![
        ("group.protocol", "consumer"),
        ("auto.commit.interval.ms", "1000"),
        ("queued.max.messages.kbytes", "8192"),
        ("queued.min.messages", "2000"),
        ("fetch.wait.max.ms", "500"),
        // Packed bytes of all partitions at a time. All of it is unpacked at once, to a thousand times as much if a
        // stranger wishes. A larger batch comes alone.
        ("fetch.max.bytes", "1048576"),
        STATISTICS,
    ];
    // With `range`, the instance that reads partition p of one topic reads partition p of all, and owns shard p.
    let strategy = match kafka.get("group.protocol").map(String::as_str) {
        Some("classic") => ("partition.assignment.strategy", "range"),
        _ => ("group.remote.assignor", "range"),
    };
    defaults.push(strategy);
    let fixed = [
        ("group.id", group),
        ("client.id", client),
        ("enable.auto.commit", "true"),
        // Offsets are stored after the transaction has committed, never on delivery.
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "earliest"),
    ];
    base(&kafka, &defaults, &fixed)
}

/// A consumer that joins no group and commits no offset. librdkafka requires a group name anyway.
pub(crate) fn reader(kafka: &BTreeMap<String, String>, client: &str) -> ClientConfig {
    let kafka = without(kafka, PRODUCER_ONLY);
    let fixed = [
        ("group.id", client),
        ("client.id", client),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
    ];
    base(&kafka, &[], &fixed)
}

/// How long a message waits for others to the same partition (`linger.ms`).
#[derive(Clone, Copy)]
pub(crate) enum Linger {
    /// No wait. At low load each message is alone; the client rounds the wait up to more than a millisecond, a third of
    /// an order's time.
    No,
    /// 0.5 ms. A relay enqueues a batch in less than that, so one request carries all messages of a partition; without
    /// it the client sends the first message alone. Saves 7 to 14 % of the system's CPU (docs/performance.md).
    Batch,
}

pub(crate) fn producer(kafka: &BTreeMap<String, String>, client: &str, linger: Linger) -> ClientConfig {
    let kafka = without(kafka, CONSUMER_ONLY);
    let fixed = [
        ("client.id", client),
        ("acks", "all"),
        ("enable.idempotence", "true"),
        // The Java client's partitioner: partition and outbox shard of a key are the same number.
        ("partitioner", "murmur2_random"),
    ];
    let linger = match linger {
        Linger::No => "0",
        Linger::Batch => "0.5",
    };
    // Events on dead-letter topics wrap another event, which may have the broker's maximum size. The timeout is shorter
    // than a takeover (6 s): the queue of a dead instance is empty before its successor starts.
    base(
        &kafka,
        &[
            ("linger.ms", linger),
            ("message.timeout.ms", "5000"),
            ("message.max.bytes", "2097152"),
            STATISTICS,
        ],
        &fixed,
    )
}
