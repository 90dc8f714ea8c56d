//! Reads topics without joining a group, committing an offset or leaving any other trace.

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

/// A partition of a topic (full name, prefix included).
pub type Partition = (Arc<str>, i32);

/// A range of offsets of one partition; the end is exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The topic's full name, prefix included.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offsets, end exclusive.
    pub offsets: Range<i64>,
}

/// Why topics could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// librdkafka rejects a setting.
    #[error("a kafka setting is wrong")]
    Settings(#[source] KafkaError),
    /// No broker answered in time.
    #[error("Kafka at {servers} did not answer within {} s: is it running, and is kafka.bootstrap.servers right?", TIMEOUT.as_secs())]
    Away {
        /// The setting `bootstrap.servers`.
        servers: String,
        /// The cause.
        source: KafkaError,
    },
    /// A partition delivered nothing in time although its range has not ended.
    #[error("{topic}[{partition}] cannot be read any further: nothing came for {} s after offset {offset}", TIMEOUT.as_secs())]
    Silent {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The last offset that was read.
        offset: i64,
    },
    /// A batch cannot be unpacked: its checksum is wrong, or it does not decompress.
    #[error(
        "{topic}[{partition}] cannot be unpacked at offset {offset}: docs/operations.md says what to do (a batch cannot be unpacked)"
    )]
    Unreadable {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The first offset that could not be read.
        offset: i64,
        /// The cause.
        source: KafkaError,
    },
    /// librdkafka reported an error that does not pass by itself.
    #[error("the topics cannot be read any further")]
    Broken(#[source] KafkaError),
}

/// A client for metadata requests and scans, and the settings of clients that read in another way. Every call blocks:
/// do not call it on the runtime's threads.
pub struct Reader {
    config: ClientConfig,
    asking: Arc<BaseConsumer>,
    servers: String,
}

impl Reader {
    /// A reader that connects in the background. `client` is its name in the broker's logs.
    ///
    /// # Errors
    /// [`ReadError::Settings`]: librdkafka rejects a setting.
    pub fn new(kafka: &BTreeMap<String, String>, client: &str) -> Result<Self, ReadError> {
        let config = config::reader(kafka, client);
        let asking = Reader::reading(&config, scan::SETTINGS)?;
        let servers = kafka.get("bootstrap.servers").cloned().unwrap_or_default();
        Ok(Reader { config, asking, servers })
    }

    /// The topics whose name starts with `prefix`, with their partition numbers. Requests the metadata of all topics,
    /// since a request by name may create the topic.
    ///
    /// # Errors
    /// [`ReadError::Away`].
    pub fn topics(&self, prefix: &str) -> Result<BTreeMap<Arc<str>, Vec<i32>>, ReadError> {
        let metadata = self.asking.fetch_metadata(None, TIMEOUT).map_err(|error| self.away(error))?;
        let ours = metadata.topics().iter().filter(|topic| topic.name().starts_with(prefix));
        Ok(ours.map(|t| (t.name().into(), t.partitions().iter().map(|p| p.id()).collect())).collect())
    }

    /// The offsets of each partition: from the first retained one to the next one to be written.
    ///
    /// # Errors
    /// [`ReadError::Away`]: the broker does not answer, or a partition does not exist.
    pub fn bounds(&self, partitions: &[Partition]) -> Result<Vec<Range<i64>>, ReadError> {
        let starts = self.offsets(partitions, Offset::Beginning)?;
        let ends = self.offsets(partitions, Offset::End)?;
        let ranges = starts.iter().zip(&ends).map(|(start, end)| start.unwrap_or(0)..end.unwrap_or(0));
        Ok(ranges.collect())
    }

    /// The first offset of each partition with a timestamp at or after `time`. `None`: there is none.
    ///
    /// # Errors
    /// As [`Reader::bounds`].
    pub fn at(&self, partitions: &[Partition], time: Micros) -> Result<Vec<Option<i64>>, ReadError> {
        self.offsets(partitions, Offset::Offset(time.as_millis().max(0)))
    }

    /// One request for all partitions: Kafka accepts the beginning and the end in place of a time.
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
