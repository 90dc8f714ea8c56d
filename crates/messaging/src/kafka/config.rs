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
    GROUP_PROTOCOL,
    "check.crcs",
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

/// A batch that the disk or the wire has damaged is refused, not decoded. Costs less than a microsecond per event.
const CHECK_CRCS: (&str, &str) = ("check.crcs", "true");

/// Interval of the client's statistics, for meters.
const STATISTICS: (&str, &str) = ("statistics.interval.ms", "5000");

/// How members of a consumer group share partitions (`group.protocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupProtocol {
    /// The broker assigns (KIP-848).
    Consumer,
    /// One member assigns: for brokers without KIP-848.
    Classic,
}

/// Settings with which librdkafka refuses to make a client of the other protocol.
const CLASSIC_ONLY: &[&str] =
    &["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"];

/// The setting of the group's protocol.
pub(crate) const GROUP_PROTOCOL: &str = "group.protocol";
/// Its value that librdkafka does not know: KIP-848, and where the broker does not have that, classic.
pub(crate) const AUTO: &str = "auto";

impl GroupProtocol {
    /// The protocol to begin with, and whether the other one may follow.
    pub(crate) fn of(kafka: &BTreeMap<String, String>) -> (Self, bool) {
        match kafka.get(GROUP_PROTOCOL).map(String::as_str) {
            None | Some(AUTO) => (GroupProtocol::Consumer, true),
            Some("classic") => (GroupProtocol::Classic, false),
            Some(_) => (GroupProtocol::Consumer, false),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            GroupProtocol::Consumer => "consumer",
            GroupProtocol::Classic => "classic",
        }
    }
}

pub(crate) fn consumer(
    kafka: &BTreeMap<String, String>,
    protocol: GroupProtocol,
    group: &str,
    client: &str,
) -> ClientConfig {
    // With `auto`, settings that only the classic protocol has are for the case that it is used.
    let is_auto = GroupProtocol::of(kafka).1;
    let foreign = if is_auto && protocol == GroupProtocol::Consumer { CLASSIC_ONLY } else { &[] };
    let kafka = without(&without(&without(kafka, PRODUCER_ONLY), &[GROUP_PROTOCOL]), foreign);
    let mut defaults = vec![
        (GROUP_PROTOCOL, protocol.name()),
        ("auto.commit.interval.ms", "1000"),
        ("queued.max.messages.kbytes", "8192"),
        ("queued.min.messages", "2000"),
        ("fetch.wait.max.ms", "500"),
        // Packed bytes of all partitions at a time. All of it is unpacked at once, to a thousand times as much if a
        // stranger wishes. A larger batch comes alone.
        ("fetch.max.bytes", "1048576"),
        CHECK_CRCS,
        STATISTICS,
    ];
    // With `range`, the instance that reads partition p of one topic reads partition p of all, and owns shard p.
    match protocol {
        GroupProtocol::Classic => defaults.extend([
            ("partition.assignment.strategy", "range"),
            // The least that brokers take by default. With librdkafka's 45 s, that was how long a killed instance's work waited (measured
            // by `takeover::how_long_a_takeover_takes`). With KIP-848 the broker sets it.
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "2000"),
        ]),
        GroupProtocol::Consumer => defaults.push(("group.remote.assignor", "range")),
    }
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
    // It joins no group.
    let kafka = without(&without(kafka, PRODUCER_ONLY), &[GROUP_PROTOCOL]);
    let fixed = [
        ("group.id", client),
        ("client.id", client),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
    ];
    base(&kafka, &[CHECK_CRCS], &fixed)
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
        // The Java client's partitioner. Records of keyed topics name their partition themselves
        // ([`crate::topics::Catalogue::partition_of`]): this one hashes over the partitions that the cluster has.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_auto_falls_back() {
        let of = |value: Option<&str>| {
            let kafka = value.map(|value| (GROUP_PROTOCOL.to_owned(), value.to_owned()));
            GroupProtocol::of(&kafka.into_iter().collect())
        };
        assert_eq!(of(None), (GroupProtocol::Consumer, true));
        assert_eq!(of(Some("auto")), (GroupProtocol::Consumer, true));
        assert_eq!(of(Some("consumer")), (GroupProtocol::Consumer, false));
        assert_eq!(of(Some("classic")), (GroupProtocol::Classic, false));
    }

    #[test]
    fn settings_of_the_classic_protocol_wait_for_it() {
        let kafka = [("session.timeout.ms".to_owned(), "9000".to_owned())].into();
        let timeout = |protocol| {
            let config = consumer(&kafka, protocol, "group", "client");
            config.create_native_config().unwrap();
            config.get("session.timeout.ms").map(str::to_owned)
        };
        assert_eq!(timeout(GroupProtocol::Consumer), None);
        assert_eq!(timeout(GroupProtocol::Classic), Some("9000".to_owned()));
        let default = consumer(&BTreeMap::new(), GroupProtocol::Classic, "g", "c");
        assert_eq!(default.get("session.timeout.ms"), Some("6000"), "work moves within 10 s");
    }

    #[test]
    fn every_client_is_made_with_any_protocol() {
        for value in ["auto", "consumer", "classic"] {
            let kafka = [(GROUP_PROTOCOL.to_owned(), value.to_owned())].into();
            for protocol in [GroupProtocol::Consumer, GroupProtocol::Classic] {
                consumer(&kafka, protocol, "group", "client").create_native_config().unwrap();
            }
            reader(&kafka, "client").create_native_config().unwrap();
            producer(&kafka, "client", Linger::No).create_native_config().unwrap();
        }
    }
}
