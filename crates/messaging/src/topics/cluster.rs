//! Admin requests to a cluster: describe, create, configure, grow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic};
use rdkafka::admin::{OwnedResourceSpecifier, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::types::RDKafkaErrorCode;

use super::plan::Actual;
use super::{Topic, TopicsError};
use crate::kafka::config::GROUP_PROTOCOL;

const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(super) struct Cluster {
    admin: Arc<AdminClient<DefaultClientContext>>,
    servers: String,
}

/// Size of a topic, and whether each of its partitions has a leader.
pub(super) struct Shape {
    pub(super) partitions: u32,
    pub(super) replication: u32,
    pub(super) led: bool,
}

impl Cluster {
    pub(super) fn new(kafka: &BTreeMap<String, String>) -> Result<Cluster, TopicsError> {
        let kafka_of_admin = kafka.iter().filter(|(name, _)| *name != GROUP_PROTOCOL);
        let config: ClientConfig =
            kafka_of_admin.map(|(name, value)| (name.clone(), value.clone())).collect();
        let admin = Arc::new(config.create().map_err(TopicsError::Client)?);
        let servers = kafka.get("bootstrap.servers").cloned().unwrap_or_default();
        Ok(Cluster { admin, servers })
    }

    /// All topics whose name starts with the prefix. Requests the metadata of all topics, since a request by name may
    /// create the topic.
    pub(super) async fn shapes(&self, prefix: &str) -> Result<BTreeMap<String, Shape>, TopicsError> {
        let (admin, servers, prefix) = (Arc::clone(&self.admin), self.servers.clone(), prefix.to_owned());
        tokio::task::spawn_blocking(move || {
            let metadata = admin
                .inner()
                .fetch_metadata(None, TIMEOUT)
                .map_err(|source| TopicsError::Unreachable { servers, within: TIMEOUT, source })?;
            let ours = metadata.topics().iter().filter(|topic| topic.name().starts_with(&prefix));
            let shape = |topic: &rdkafka::metadata::MetadataTopic| Shape {
                partitions: u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX),
                replication: topic
                    .partitions()
                    .iter()
                    .map(|partition| u32::try_from(partition.replicas().len()).unwrap_or(u32::MAX))
                    .min()
                    .unwrap_or(0),
                led: topic.partitions().iter().all(|partition| partition.leader() >= 0),
            };
            Ok(ours.map(|topic| (topic.name().to_owned(), shape(topic))).collect())
        })
        .await?
    }

    /// The named topics, as far as they exist.
    pub(super) async fn describe(
        &self,
        prefix: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, Actual>, TopicsError> {
        let mut topics: BTreeMap<String, Actual> = self
            .shapes(prefix)
            .await?
            .into_iter()
            .filter(|(name, _)| names.contains(name))
            .map(|(name, shape)| {
                let Shape { partitions, replication, .. } = shape;
                (name, Actual { partitions, replication, ..Actual::default() })
            })
            .collect();
        let specifiers: Vec<_> = topics.keys().map(|name| ResourceSpecifier::Topic(name)).collect();
        if specifiers.is_empty() {
            return Ok(topics);
        }
        let action = "describe the settings of";
        let described = self
            .admin
            .describe_configs(&specifiers, &options())
            .await
            .map_err(|source| TopicsError::Request { action, source })?;
        for resource in described {
            let resource = resource.map_err(|code| TopicsError::Refused {
                action,
                topic: format!("topics under `{prefix}`"),
                code,
            })?;
            let OwnedResourceSpecifier::Topic(name) = &resource.specifier else { continue };
            let Some(actual) = topics.get_mut(name) else { continue };
            for entry in resource.entries {
                let Some(value) = entry.value else { continue };
                match entry.source {
                    ConfigSource::DynamicTopic => {
                        actual.own.insert(entry.name.clone(), value.clone());
                    }
                    ConfigSource::DynamicBroker
                    | ConfigSource::DynamicDefaultBroker
                    | ConfigSource::StaticBroker => {
                        actual.of_brokers.insert(entry.name.clone());
                    }
                    ConfigSource::Unknown | ConfigSource::Default => {}
                }
                actual.in_force.insert(entry.name, value);
            }
        }
        Ok(topics)
    }

    /// Creates the topics in one request and returns the names of the created ones. A topic that exists already is no
    /// error: a concurrent run created it.
    pub(super) async fn create<K>(&self, topics: &[(String, &Topic<K>)]) -> Result<Vec<String>, TopicsError> {
        let configs: Vec<_> = topics.iter().map(|(_, topic)| topic.configs()).collect();
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .zip(&configs)
            .map(|((name, topic), configs)| {
                let replication = TopicReplication::Fixed(signed(topic.replication));
                let new = NewTopic::new(name, signed(topic.partitions), replication);
                configs.iter().fold(new, |new, (name, value)| new.set(name, value))
            })
            .collect();
        let action = "create topics";
        let results = self.admin.create_topics(&new, &options()).await;
        let mut created = vec![];
        for result in results.map_err(|source| TopicsError::Request { action, source })? {
            match result {
                Ok(name) => created.push(name),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, RDKafkaErrorCode::InvalidReplicationFactor)) => {
                    let declared = topics.iter().find(|(name, _)| *name == topic);
                    let replication = declared.map_or(0, |(_, topic)| topic.replication);
                    return Err(TopicsError::TooFewBrokers { topic, replication });
                }
                Err((topic, code)) => return Err(TopicsError::Refused { action: "create", topic, code }),
            }
        }
        Ok(created)
    }

    /// Sets all of a topic's own settings at once: the request resets every setting that it does not name to the
    /// broker's default.
    pub(super) async fn configure(
        &self,
        name: &str,
        configs: &BTreeMap<String, String>,
    ) -> Result<(), TopicsError> {
        let mut alter = AlterConfig::new(ResourceSpecifier::Topic(name));
        for (key, value) in configs {
            alter = alter.set(key, value);
        }
        let action = "set the settings of";
        let results = self.admin.alter_configs([&alter], &options()).await;
        for result in results.map_err(|source| TopicsError::Request { action, source })? {
            result.map_err(|(_, code)| TopicsError::Refused { action, topic: name.to_owned(), code })?;
        }
        Ok(())
    }

    pub(super) async fn grow(&self, name: &str, partitions: u32) -> Result<(), TopicsError> {
        let count = usize::try_from(partitions).unwrap_or(usize::MAX);
        let action = "add partitions to";
        let results = self.admin.create_partitions([&NewPartitions::new(name, count)], &options()).await;
        for result in results.map_err(|source| TopicsError::Request { action, source })? {
            result.map_err(|(topic, code)| TopicsError::Refused { action, topic, code })?;
        }
        Ok(())
    }

    /// Drops the client off the runtime: the drop waits for the client's thread.
    pub(super) async fn close(self) -> Result<(), TopicsError> {
        Ok(tokio::task::spawn_blocking(move || drop(self)).await?)
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
