//! What the broker says about the inputs. Every call blocks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::{OffsetRange, Processed, Shards};
use crate::kafka::consumer::Polled;

const BROKER: Duration = Duration::from_secs(5);

/// By shard, what its inputs hold now and neither this instance has processed nor the group committed.
pub(super) fn unread(
    consumer: &Polled,
    topics: &[Arc<str>],
    processed: &Processed,
    shards: &[u32],
) -> Result<Shards<Vec<OffsetRange>>, KafkaError> {
    let mut partitions = TopicPartitionList::new();
    for topic in topics {
        for shard in shards {
            partitions.add_partition(topic, shard.cast_signed());
        }
    }
    let committed = consumer.committed_offsets(partitions, BROKER)?;
    let mut unread = Shards::<Vec<OffsetRange>>::new();
    for topic in topics {
        for shard in shards {
            let partition = shard.cast_signed();
            let (low, end) = consumer.fetch_watermarks(topic, partition, BROKER)?;
            // What was deleted for its age cannot be read any more.
            let mut from = low.max(processed.next(topic, partition).unwrap_or(low));
            if let Some(Offset::Offset(offset)) =
                committed.find_partition(topic, partition).map(|element| element.offset())
            {
                from = from.max(offset);
            }
            if from < end {
                let stretch = OffsetRange { topic: Arc::clone(topic), partition, from, end };
                unread.entry(*shard).or_default().push(stretch);
            }
        }
    }
    Ok(unread)
}

/// Those in which there is no record. One that the broker says nothing of in time is not among them.
pub(super) fn empty(
    reader: &ClientConfig,
    stretches: Vec<OffsetRange>,
) -> Result<Vec<OffsetRange>, KafkaError> {
    let mut topics = BTreeMap::<Arc<str>, Vec<OffsetRange>>::new();
    for stretch in stretches {
        topics.entry(Arc::clone(&stretch.topic)).or_default().push(stretch);
    }
    let mut empty = Vec::new();
    for stretches in topics.into_values() {
        empty.extend(empty_of_a_topic(reader, stretches)?);
    }
    Ok(empty)
}

/// Reads each until there is a record, or its partition ends. Of one topic, since the news of an end does not name it.
fn empty_of_a_topic(
    reader: &ClientConfig,
    stretches: Vec<OffsetRange>,
) -> Result<Vec<OffsetRange>, KafkaError> {
    let consumer: BaseConsumer = reader.clone().set("enable.partition.eof", "true").create()?;
    let mut assignment = TopicPartitionList::new();
    for OffsetRange { topic, partition, from, .. } in &stretches {
        assignment.add_partition_offset(topic, *partition, Offset::Offset(*from))?;
    }
    consumer.assign(&assignment)?;
    let mut open: BTreeMap<i32, OffsetRange> = stretches.into_iter().map(|s| (s.partition, s)).collect();
    let (mut empty, until) = (Vec::new(), Instant::now() + BROKER);
    while !open.is_empty() && Instant::now() < until {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let passed = |stretch: &OffsetRange| message.offset() >= stretch.end;
                empty.extend(open.remove(&message.partition()).filter(passed));
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => empty.extend(open.remove(&partition)),
            // The broker is away, or slow.
            Some(Err(_)) | None => {}
        }
    }
    // That may block on the broker.
    std::thread::spawn(move || drop(consumer));
    Ok(empty)
}
