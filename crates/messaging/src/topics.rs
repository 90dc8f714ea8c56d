//! What lies on which topic. `topics.yaml` at the repository's root is the truth; it is compiled in, so that every instance
//! of one build agrees on it. [`Catalogue::plan`] and [`Catalogue::apply`] hold a real cluster against it.

mod apply;
mod catalogue;
mod cluster;
mod declaration;
mod plan;
mod settings;

use std::time::Duration;

use rdkafka::error::KafkaError;

pub use apply::Applied;
pub use catalogue::{Catalogue, DEAD_LETTERS};
pub use declaration::{Cleanup, Key, Topic};
pub use plan::{Change, Difference};
pub use settings::{WrongSetting, check_settings};

#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    #[error("topics.yaml does not parse: {0}")]
    Syntax(#[from] serde_yaml_ng::Error),
    #[error("topics.yaml: {topic} has the record `{record}`, which the contract does not know")]
    UnknownRecord { topic: String, record: String },
    #[error("topics.yaml: the record {record} is on {first} and on {second}; each record has one topic")]
    RecordTwice { record: &'static str, first: String, second: String },
    #[error("topics.yaml: the record {record} has no topic")]
    RecordMissing { record: &'static str },
    #[error("topics.yaml: the topic {topic} is declared twice")]
    TopicTwice { topic: String },
    #[error(
        "topics.yaml: {topic} has {partitions} partitions and {first} has {first_partitions}; all keyed topics have the same number"
    )]
    PartitionsDiffer { topic: String, partitions: u32, first: String, first_partitions: u32 },
    #[error("topics.yaml: {topic}: {problem}")]
    Declaration { topic: String, problem: String },
    #[error("topics.yaml declares no keyed topic")]
    NoKeyedTopic,
    #[error("partitions and replication of topics are numbers from 1 to {max}, not {given}")]
    OutOfRange { given: u32, max: u32 },

    #[error("a Kafka client cannot be made from these settings")]
    Client(#[source] KafkaError),
    #[error("Kafka at {servers} did not answer within {} s: is it running, and is kafka.bootstrap.servers right?", .within.as_secs())]
    Unreachable { servers: String, within: Duration, source: KafkaError },
    #[error("Kafka refused to {action} {topic}: {code}")]
    Refused { action: &'static str, topic: String, code: rdkafka::types::RDKafkaErrorCode },
    #[error(
        "{topic} cannot have {replication} replicas: the cluster has fewer brokers. Lower topics.replication"
    )]
    TooFewBrokers { topic: String, replication: u32 },
    #[error("Kafka did not answer the request to {action}")]
    Request { action: &'static str, source: KafkaError },
    #[error(
        "{topic} has {actual} partitions where {declared} are declared (topics.yaml, or topics.partitions). Its records are keyed: another number moves keys \
         between partitions in the middle of their dance, so nothing was changed. Use the number that the cluster has, \
         or another topic prefix"
    )]
    KeyedPartitions { topic: String, declared: u32, actual: u32 },
    #[error(
        "{topic} has {actual} partitions, more than the {declared} that are declared; Kafka cannot take partitions away. Nothing was changed"
    )]
    TooManyPartitions { topic: String, declared: u32, actual: u32 },
    #[error("Kafka took the changes, but after {} s these topics are not ready on it yet: {}", .within.as_secs(), .topics.join(", "))]
    NotReady { within: Duration, topics: Vec<String> },
    #[error("waiting for Kafka's answer was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}
