//! librdkafka's settings: our defaults, then the installation's own, then what the guarantees rest on.

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
const CONSUMER_ONLY: &[&str] =
    &["group.protocol", "fetch.wait.max.ms", "queued.max.messages.kbytes", "queued.min.messages"];

/// Settings that only a consumer, or only a producer, understands: librdkafka warns about the others.
fn without(kafka: &BTreeMap<String, String>, foreign: &[&str]) -> BTreeMap<String, String> {
    kafka
        .iter()
        .filter(|(name, _)| !foreign.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

/// A few classes, for meters: the conventions' `error.type`.
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

/// How often a client says how it is, for its meters.
const STATISTICS: (&str, &str) = ("statistics.interval.ms", "5000");

pub(crate) fn consumer(kafka: &BTreeMap<String, String>, group: &str, client: &str) -> ClientConfig {
    let kafka = without(kafka, PRODUCER_ONLY);
    let mut defaults = vec![
        ("group.protocol", "consumer"),
        ("auto.commit.interval.ms", "1000"),
        ("queued.max.messages.kbytes", "8192"),
        ("queued.min.messages", "2000"),
        ("fetch.wait.max.ms", "500"),
        STATISTICS,
    ];
    // Range: the instance that reads partition p of one topic reads partition p of all, and owns shard p.
    let strategy = match kafka.get("group.protocol").map(String::as_str) {
        Some("classic") => ("partition.assignment.strategy", "range"),
        _ => ("group.remote.assignor", "range"),
    };
    defaults.push(strategy);
    let fixed = [
        ("group.id", group),
        ("client.id", client),
        ("enable.auto.commit", "true"),
        // An offset is stored after its transaction has committed, never when it is handed out.
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "earliest"),
    ];
    base(&kafka, &defaults, &fixed)
}

/// Reads and leaves no trace: no group is joined, no offset is committed. librdkafka wants a group's name all the same.
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

/// How long a message waits for others to the same partition.
#[derive(Clone, Copy)]
pub(crate) enum Linger {
    /// At low load each message comes alone: the wait, which the client rounds up to more than a millisecond, would be a third of an
    /// order's way.
    No,
    /// A relay hands over a batch in less than half a millisecond, so that one request takes what goes to one partition; without it
    /// the client sends the first message by itself. 7 to 14 % of the whole system's CPU (docs/performance.md).
    ForABatch,
}

pub(crate) fn producer(kafka: &BTreeMap<String, String>, client: &str, linger: Linger) -> ClientConfig {
    let kafka = without(kafka, CONSUMER_ONLY);
    let fixed = [
        ("client.id", client),
        ("acks", "all"),
        ("enable.idempotence", "true"),
        // Java's partitioner: partition and outbox shard of a key are one number.
        ("partitioner", "murmur2_random"),
    ];
    let linger = match linger {
        Linger::No => "0",
        Linger::ForABatch => "0.5",
    };
    // The dead-letter topics take events that wrap one of the broker's largest.
    // The timeout is shorter than a takeover (6 s): what an instance queued is gone before another one starts.
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
