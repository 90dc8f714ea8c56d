use std::collections::HashMap;
use std::time::Duration;

use minuet_envelope::validity::TopicRules;
use minuet_envelope::{EventKind, partition};

use super::declaration::{File, MAX_PARTITIONS, MAX_REPLICATION};
use super::{Cleanup, Topic, TopicsError};

/// Kafka's default of `delete.retention.ms`.
const BROKERS_TOMBSTONES: Duration = Duration::from_secs(86_400);

/// The suffix of a service's dead-letter topic: `<service>.dead-letters`.
pub const DEAD_LETTERS: &str = "dead-letters";

/// All topics, validated: each record has one topic, and all keyed topics have the same number of partitions.
#[derive(Clone, Debug)]
pub struct Catalogue<K> {
    topics: Vec<Topic<K>>,
    /// Index into `topics`. [`EventKind::PARKED`] has a topic per service and is absent here.
    home: HashMap<K, usize>,
    by_name: HashMap<String, usize>,
    partitions: u32,
}

impl<K: EventKind> Catalogue<K> {
    /// Parses a declaration of topics. [`EventKind::PARKED`] may be on many topics: each service has its own.
    ///
    /// # Errors
    /// Names the first mistake: an unknown record, a record on two topics, keyed topics with different partitions, ...
    pub fn parse(yaml: &str) -> Result<Self, TopicsError> {
        let file: File = serde_yaml_ng::from_str(yaml)?;
        let topics = file.topics.into_iter().map(|topic| topic.check()).collect::<Result<Vec<_>, _>>()?;

        let mut by_name = HashMap::new();
        let mut home: HashMap<K, usize> = HashMap::new();
        for (index, topic) in topics.iter().enumerate() {
            if by_name.insert(topic.name.clone(), index).is_some() {
                return Err(TopicsError::TopicTwice { topic: topic.name.clone() });
            }
            for &record in topic.records.iter().filter(|&&record| Some(record) != K::PARKED) {
                if let Some(first) = home.insert(record, index) {
                    let (first, second) = (topics[first].name.clone(), topic.name.clone());
                    return Err(TopicsError::RecordTwice { record: record.name(), first, second });
                }
            }
        }
        for &record in K::ALL.iter().filter(|&&record| Some(record) != K::PARKED) {
            if !home.contains_key(&record) {
                return Err(TopicsError::RecordMissing { record: record.name() });
            }
        }
        let partitions = common_partitions(&topics)?;
        Ok(Catalogue { topics, home, by_name, partitions })
    }

    /// The same topics with another number of partitions on every keyed one. Tests use 2.
    ///
    /// # Errors
    /// [`TopicsError::OutOfRange`]: zero, or more than 10,000.
    pub fn with_partitions(mut self, partitions: u32) -> Result<Self, TopicsError> {
        in_range(partitions, MAX_PARTITIONS)?;
        for topic in self.topics.iter_mut().filter(|topic| topic.is_keyed()) {
            topic.partitions = partitions;
        }
        self.partitions = partitions;
        Ok(self)
    }

    /// The same topics with another number of replicas.
    ///
    /// # Errors
    /// [`TopicsError::OutOfRange`]: zero, or more than 15.
    pub fn with_replication(mut self, replication: u32) -> Result<Self, TopicsError> {
        in_range(replication, MAX_REPLICATION)?;
        for topic in &mut self.topics {
            topic.replication = replication;
        }
        Ok(self)
    }

    /// All topics, in the order of the declaration.
    pub fn topics(&self) -> &[Topic<K>] {
        &self.topics
    }

    /// The topic of this name (without prefix).
    pub fn topic(&self, name: &str) -> Option<&Topic<K>> {
        self.by_name.get(name).and_then(|&index| self.topics.get(index))
    }

    /// The topic of a record, without prefix. For [`EventKind::PARKED`] only the suffix [`DEAD_LETTERS`]: the topic is
    /// `<service>.dead-letters`.
    pub fn topic_of(&self, record: K) -> &str {
        self.home.get(&record).map_or(DEAD_LETTERS, |&index| self.topics[index].name.as_str())
    }

    /// The partition of a key on a topic (its name without prefix), by P, whatever number of partitions the cluster has: a
    /// topic that grew by mistake does not move keys. `None`: records without key, and records of topics without keys,
    /// may go to any partition.
    pub fn partition_of(&self, topic: &str, key: Option<&[u8]>) -> Option<i32> {
        let is_keyed = self.topic(topic).is_none_or(Topic::is_keyed);
        let partition = partition::shard(key.filter(|_| is_keyed)?, self.partitions);
        i32::try_from(partition).ok()
    }

    /// P: the number of partitions of every keyed topic, and of shards of every outbox.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Whether the topic (its name without prefix) takes this record.
    pub fn allowed(&self, topic: &str, record: K) -> bool {
        self.topic(topic).is_some_and(|topic| topic.records.contains(&record))
    }

    /// Whether any program may write to the topic (its name without prefix): see [`Topic::is_intake`].
    pub fn is_intake(&self, topic: &str) -> bool {
        self.topic(topic).is_some_and(Topic::is_intake)
    }

    /// Whether the topic (its name without prefix) is compacted.
    pub fn is_compacted(&self, topic: &str) -> bool {
        self.topic(topic).is_some_and(|topic| topic.cleanup == Cleanup::Compact)
    }

    /// How long the topic (its name without prefix) keeps tombstones at least. `None`: it is not compacted.
    pub(crate) fn tombstones(&self, topic: &str) -> Option<Duration> {
        let compacted = self.topic(topic).filter(|topic| topic.cleanup == Cleanup::Compact)?;
        Some(compacted.tombstones.unwrap_or(BROKERS_TOMBSTONES))
    }

    /// Whether a message is of no concern here: it lies on another team's topic ([`Topic::external`]), and its `ce_type` is none
    /// that is declared there. Such messages are skipped. On a topic of our own they are parked.
    pub fn is_foreign(&self, topic: &str, ce_type: Option<&[u8]>) -> bool {
        let kind = ce_type.and_then(|text| K::from_ce_type(str::from_utf8(text).ok()?));
        self.topic(topic)
            .is_some_and(|topic| topic.external && kind.is_none_or(|kind| !topic.records.contains(&kind)))
    }

    /// The records that a topic takes, for validation. An undeclared topic takes none.
    pub fn rules<'a>(&'a self, topic: &'a str) -> TopicRules<'a, K> {
        let declared = self.topic(topic);
        TopicRules {
            name: topic,
            records: declared.map_or(&[], |topic| &topic.records),
            is_compacted: declared.is_some_and(|topic| topic.cleanup == Cleanup::Compact),
        }
    }
}

fn in_range(given: u32, max: u32) -> Result<(), TopicsError> {
    if (1..=max).contains(&given) { Ok(()) } else { Err(TopicsError::OutOfRange { given, max }) }
}

fn common_partitions<K>(topics: &[Topic<K>]) -> Result<u32, TopicsError> {
    let mut keyed = topics.iter().filter(|topic| topic.is_keyed());
    let first = keyed.next().ok_or(TopicsError::NoKeyedTopic)?;
    match keyed.find(|topic| topic.partitions != first.partitions) {
        None => Ok(first.partitions),
        Some(other) => Err(TopicsError::PartitionsDiffer {
            topic: other.name.clone(),
            partitions: other.partitions,
            first: first.name.clone(),
            first_partitions: first.partitions,
        }),
    }
}

#[cfg(test)]
mod tests;
