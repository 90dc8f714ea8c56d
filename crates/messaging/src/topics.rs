//! Topics and the records that each one takes, as declared in `topics.yaml`. The declaration is compiled in, so that
//! every instance of one build agrees on it. [`Catalogue::plan`] compares it with a cluster; [`Catalogue::apply`]
//! brings the cluster up to it.

mod apply;
mod catalogue;
mod cluster;
mod declaration;
pub(crate) mod ids;
mod name;
mod plan;
mod promises;
mod settings;

use std::time::Duration;

use rdkafka::error::KafkaError;

pub use apply::Applied;
pub use catalogue::{Catalogue, DEAD_LETTERS};
pub use declaration::{Cleanup, Key, Timestamps, Topic};
pub use name::TopicName;
pub use plan::{Change, Difference};
pub use settings::{WrongSetting, check_settings};

/// Why topics could not be read from their declaration, compared or applied. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// The YAML does not have the expected shape.
    #[error("topics.yaml does not parse: {0}")]
    Syntax(#[from] serde_yaml_ng::Error),
    /// A topic names a record that the contract does not have.
    #[error("topics.yaml: {topic} has the record `{record}`, which the contract does not know")]
    UnknownRecord {
        /// The topic.
        topic: String,
        /// The record.
        record: String,
    },
    /// A record is declared on two topics.
    #[error("topics.yaml: the record {record} is on {first} and on {second}; each record has one topic")]
    RecordTwice {
        /// The record.
        record: &'static str,
        /// The first of the two topics.
        first: String,
        /// The other topic.
        second: String,
    },
    /// A record of the contract has no topic.
    #[error("topics.yaml: the record {record} has no topic")]
    RecordMissing {
        /// The record.
        record: &'static str,
    },
    /// Two declarations have the same name.
    #[error("topics.yaml: the topic {topic} is declared twice")]
    TopicTwice {
        /// The topic.
        topic: String,
    },
    #[error(
        "topics.yaml: {topic} has {partitions} partitions and {first} has {first_partitions}; all keyed topics have the same number"
    )]
    /// Two keyed topics have different numbers of partitions.
    PartitionsDiffer {
        /// The topic.
        topic: String,
        /// The number of partitions.
        partitions: u32,
        /// The first of the two topics.
        first: String,
        /// The number of partitions of `first`.
        first_partitions: u32,
    },
    /// A topic's declaration is wrong; `problem` says how.
    #[error("topics.yaml: {topic}: {problem}")]
    Declaration {
        /// The topic.
        topic: String,
        /// The mistake.
        problem: String,
    },
    /// No topic has a key, so the number of partitions is undefined.
    #[error("topics.yaml declares no keyed topic")]
    NoKeyedTopic,
    /// A number of partitions or replicas is out of range.
    #[error("partitions and replication of topics are numbers from 1 to {max}, not {given}")]
    OutOfRange {
        /// The given number.
        given: u32,
        /// The largest permitted number.
        max: u32,
    },

    /// An external topic does not exist.
    #[error(
        "{topic} is declared as external, but Kafka has no such topic: is the prefix right, and has its owner created it?"
    )]
    Missing {
        /// The topic.
        topic: String,
    },
    /// librdkafka rejects the settings.
    #[error("a Kafka client cannot be made from these settings")]
    Client(#[source] KafkaError),
    /// No broker answered in time.
    #[error("Kafka at {servers} did not answer within {} s: is it running, and is kafka.bootstrap.servers right?", .within.as_secs())]
    Unreachable {
        /// The setting `bootstrap.servers`.
        servers: String,
        /// The timeout.
        within: Duration,
        /// The cause.
        source: KafkaError,
    },
    /// The broker answered a request with an error code.
    #[error("Kafka refused to {action} {topic}: {code}")]
    Refused {
        /// The refused or failed action.
        action: &'static str,
        /// The topic.
        topic: String,
        /// Kafka's error code.
        code: rdkafka::types::RDKafkaErrorCode,
    },
    #[error(
        "{topic} cannot have {replication} replicas: the cluster has fewer brokers. Lower topics.replication"
    )]
    /// The cluster has fewer brokers than the declared number of replicas.
    TooFewBrokers {
        /// The topic.
        topic: String,
        /// The declared number of replicas.
        replication: u32,
    },
    /// A request to the cluster failed as a whole.
    #[error("Kafka did not answer the request to {action}")]
    Request {
        /// The refused or failed action.
        action: &'static str,
        /// The cause.
        source: KafkaError,
    },
    #[error(
        "{topic} has {actual} partitions where {declared} are declared (topics.yaml, or topics.partitions). Its records are keyed: another number moves keys \
         between partitions in the middle of their dance, so nothing was changed. Use the number that the cluster has, \
         or another topic prefix"
    )]
    /// A keyed topic has another number of partitions than declared. Nothing was changed.
    KeyedPartitions {
        /// The topic.
        topic: String,
        /// The value in `topics.yaml`.
        declared: u32,
        /// The value on the cluster.
        actual: u32,
    },
    #[error(
        "{topic} has {actual} partitions, more than the {declared} that are declared; Kafka cannot take partitions away. Nothing was changed"
    )]
    /// A topic without keys has more partitions than declared. Nothing was changed.
    TooManyPartitions {
        /// The topic.
        topic: String,
        /// The value in `topics.yaml`.
        declared: u32,
        /// The value on the cluster.
        actual: u32,
    },
    /// The changes were accepted but were not visible in time.
    #[error("Kafka took the changes, but after {} s these topics are not ready on it yet: {}", .within.as_secs(), .topics.join(", "))]
    NotReady {
        /// The timeout.
        within: Duration,
        /// The topics' full names.
        topics: Vec<String>,
    },
    /// The task that waited for Kafka ended early.
    #[error("waiting for Kafka's answer was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}
