//! Topics as evidence: what lies on them, read without joining a group, without committing an offset, without a trace.

mod inputs;
mod live;
mod merge;
mod message;
mod scan;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use minuet_envelope::Micros;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka::config;

pub use message::Message;

const TIMEOUT: Duration = Duration::from_secs(15);

/// A partition of a topic; the topic carries its prefix.
pub type Partition = (Arc<str>, i32);

/// A stretch of one partition: from this offset up to, and without, that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offsets: Range<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("a kafka setting is wrong")]
    Settings(#[source] KafkaError),
    #[error("Kafka at {servers} did not answer within {} s: is it running, and is kafka.bootstrap.servers right?", TIMEOUT.as_secs())]
    Away { servers: String, source: KafkaError },
    #[error("{topic}[{partition}] cannot be read any further: nothing came for {} s after offset {offset}", TIMEOUT.as_secs())]
    Silent { topic: Arc<str>, partition: i32, offset: i64 },
    #[error("the topics cannot be read any further")]
    Broken(#[source] KafkaError),
}

/// A client for questions and for scans, and the settings of those that read otherwise. Every call blocks: not for the runtime's threads.
pub struct Reader {
    config: ClientConfig,
    asking: Arc<BaseConsumer>,
    servers: String,
}

impl Reader {
    /// `client` names it in the broker's logs. Connects in the background.
    ///
    /// # Errors
    /// A setting that librdkafka does not take.
    pub fn new(kafka: &BTreeMap<String, String>, client: &str) -> Result<Self, ReadError> {
        let config = config::reader(kafka, client);
        let asking = Reader::reading(&config, scan::SETTINGS)?;
        let servers = kafka.get("bootstrap.servers").cloned().unwrap_or_default();
        Ok(Reader { config, asking, servers })
    }

    /// The topics whose name begins so, with the numbers of their partitions. All are asked for: asking by name may create.
    ///
    /// # Errors
    /// The broker does not answer.
    pub fn topics(&self, prefix: &str) -> Result<BTreeMap<Arc<str>, Vec<i32>>, ReadError> {
        let metadata = self.asking.fetch_metadata(None, TIMEOUT).map_err(|error| self.away(error))?;
        let ours = metadata.topics().iter().filter(|topic| topic.name().starts_with(prefix));
        Ok(ours.map(|t| (t.name().into(), t.partitions().iter().map(|p| p.id()).collect())).collect())
    }

    /// Of each partition the offsets that it has: the first one that is kept, and the one that comes next.
    ///
    /// # Errors
    /// The broker does not answer, or a partition does not exist.
    pub fn bounds(&self, partitions: &[Partition]) -> Result<Vec<Range<i64>>, ReadError> {
        let starts = self.offsets(partitions, Offset::Beginning)?;
        let ends = self.offsets(partitions, Offset::End)?;
        let ranges = starts.iter().zip(&ends).map(|(start, end)| start.unwrap_or(0)..end.unwrap_or(0));
        Ok(ranges.collect())
    }

    /// Of each partition the first offset that is as young as that. None: nothing is.
    ///
    /// # Errors
    /// As [`Reader::bounds`].
    pub fn at(&self, partitions: &[Partition], time: Micros) -> Result<Vec<Option<i64>>, ReadError> {
        self.offsets(partitions, Offset::Offset(time.as_millis().max(0)))
    }

    /// One request for all partitions: Kafka takes the beginning and the end for times, too.
    fn offsets(&self, partitions: &[Partition], time: Offset) -> Result<Vec<Option<i64>>, ReadError> {
        let mut wanted = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            wanted.add_partition_offset(topic, *partition, time).map_err(ReadError::Broken)?;
        }
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.asking.offsets_for_times(wanted, TIMEOUT).map_err(|error| self.away(error))?;
        let found: BTreeMap<(String, i32), Option<i64>> = found
            .elements()
            .iter()
            .map(|element| {
                let offset = match element.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                };
                element.error().map_err(|error| self.away(error))?;
                Ok(((element.topic().to_owned(), element.partition()), offset))
            })
            .collect::<Result<_, ReadError>>()?;
        let offset = |(topic, partition): &Partition| found.get(&(topic.to_string(), *partition)).copied();
        Ok(partitions.iter().map(|partition| offset(partition).flatten()).collect())
    }

    fn away(&self, source: KafkaError) -> ReadError {
        ReadError::Away { servers: self.servers.clone(), source }
    }
}
