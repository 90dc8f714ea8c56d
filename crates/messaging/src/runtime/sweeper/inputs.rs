//! Queries to the broker about the inputs. Every call blocks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::{OffsetRange, Processed, Shards};
use crate::kafka::BROKER_TIMEOUT;
use crate::kafka::consumer::Polled;
use crate::runtime::positions::partitions;

/// By shard, the offsets that neither this instance has processed nor the group has committed.
pub(super) fn unread(
    consumer: &Polled,
    topics: &[Arc<str>],
    processed: &Processed,
    shards: &[u32],
) -> Result<Shards<Vec<OffsetRange>>, KafkaError> {
    let inputs = partitions(topics, shards, |_, _| Offset::Invalid)?;
    let committed = consumer.committed_offsets(inputs, BROKER_TIMEOUT)?;
    let mut unread = Shards::<Vec<OffsetRange>>::new();
    for topic in topics {
        for shard in shards {
            let partition = shard.cast_signed();
            let (low, end) = consumer.fetch_watermarks(topic, partition, BROKER_TIMEOUT)?;
            // Messages deleted by retention cannot be read any more.
            let mut from = low.max(processed.next(topic, partition).unwrap_or(low));
            if let Some(Offset::Offset(offset)) =
                committed.find_partition(topic, partition).map(|element| element.offset())
            {
                from = from.max(offset);
            }
            if from < end {
                let range = OffsetRange { topic: Arc::clone(topic), partition, from, end };
                unread.entry(*shard).or_default().push(range);
            }
        }
    }
    Ok(unread)
}

/// The ranges without records. A range for which the broker does not answer in time is left out.
pub(super) fn empty(reader: &ClientConfig, ranges: Vec<OffsetRange>) -> Result<Vec<OffsetRange>, KafkaError> {
    let mut topics = BTreeMap::<Arc<str>, Vec<OffsetRange>>::new();
    for range in ranges {
        topics.entry(Arc::clone(&range.topic)).or_default().push(range);
    }
    let mut empty = Vec::new();
    for ranges in topics.into_values() {
        empty.extend(empty_of_a_topic(reader, ranges)?);
    }
    Ok(empty)
}

/// Reads each range until a record or the end of the partition. One topic at a time, since the end-of-partition event
/// does not name the topic.
fn empty_of_a_topic(reader: &ClientConfig, ranges: Vec<OffsetRange>) -> Result<Vec<OffsetRange>, KafkaError> {
    let consumer: BaseConsumer = reader.clone().set("enable.partition.eof", "true").create()?;
    let mut assignment = TopicPartitionList::new();
    for OffsetRange { topic, partition, from, .. } in &ranges {
        assignment.add_partition_offset(topic, *partition, Offset::Offset(*from))?;
    }
    consumer.assign(&assignment)?;
    let mut open: BTreeMap<i32, OffsetRange> = ranges.into_iter().map(|s| (s.partition, s)).collect();
    let (mut empty, until) = (Vec::new(), Instant::now() + BROKER_TIMEOUT);
    while !open.is_empty() && Instant::now() < until {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let passed = |range: &OffsetRange| message.offset() >= range.end;
                empty.extend(open.remove(&message.partition()).filter(passed));
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => empty.extend(open.remove(&partition)),
            // The broker is away or slow.
            Some(Err(_)) | None => {}
        }
    }
    // The drop may block on the broker.
    std::thread::spawn(move || drop(consumer));
    Ok(empty)
}
