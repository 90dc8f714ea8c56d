//! What lies on the topics about one key: for showing a person what happened to an order.

use std::collections::BTreeMap;
use std::time::Duration;

use minuet_events::values::Micros;
use minuet_events::{Codec, Envelope, Event, partition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::topics::Catalogue;
use crate::{Incoming, Position, kafka};

const TIMEOUT: Duration = Duration::from_secs(10);

/// An event as it lies on its topic.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: Position,
    pub envelope: Envelope,
    pub event: Event,
}

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("the topics cannot be read")]
    Kafka(#[from] KafkaError),
    #[error("the reader ended before its time")]
    Ended,
}

/// Everything about `key` that was published since then by programs that partition as we do, oldest first by `ce_time`.
/// What cannot be decoded is left out. Joins no consumer group and commits nothing.
pub async fn history(
    kafka: &BTreeMap<String, String>,
    prefix: &str,
    catalogue: &Catalogue,
    codec: &Codec,
    key: &str,
    since: Micros,
) -> Result<Vec<Recorded>, HistoryError> {
    let topics: Vec<String> = ["orders.intake", "orders.events", "inventory.events", "payments.events"]
        .iter()
        .map(|topic| format!("{prefix}{topic}"))
        .collect();
    let partition =
        i32::try_from(partition::shard(key.as_bytes(), catalogue.partitions())).unwrap_or_default();
    let config = kafka::reader(kafka, "minuet-history");
    let reading = tokio::task::spawn_blocking(move || read(&config.create()?, &topics, partition, since));
    let incoming = reading.await.map_err(|_| HistoryError::Ended)??;

    let mut recorded: Vec<Recorded> = incoming
        .into_iter()
        .filter(|message| message.key.as_deref() == Some(key.as_bytes()))
        .filter_map(|message| {
            let envelope =
                Envelope::from_headers(|name| message.header(name), Some(key), message.timestamp).ok()?;
            let event = codec.decode(message.payload.as_deref()?).ok()?;
            Some(Recorded { position: message.position, envelope, event })
        })
        .collect();
    recorded.sort_by_key(|event| event.envelope.time);
    Ok(recorded)
}

fn read(
    consumer: &BaseConsumer,
    topics: &[String],
    partition: i32,
    since: Micros,
) -> Result<Vec<Incoming>, KafkaError> {
    let mut wanted = TopicPartitionList::new();
    for topic in topics {
        wanted.add_partition_offset(topic, partition, Offset::Offset(since.0 / 1000))?;
    }
    let starts = consumer.offsets_for_times(wanted, TIMEOUT)?;
    let (mut assignment, mut open) = (TopicPartitionList::new(), BTreeMap::new());
    for start in starts.elements() {
        let (_, end) = consumer.fetch_watermarks(start.topic(), partition, TIMEOUT)?;
        // Nothing is that young: the offset is the end.
        if let Offset::Offset(first) = start.offset()
            && first < end
        {
            assignment.add_partition_offset(start.topic(), partition, Offset::Offset(first))?;
            open.insert(start.topic().to_owned(), end);
        }
    }
    consumer.assign(&assignment)?;
    let mut read = Vec::new();
    while !open.is_empty() {
        let Some(message) = consumer.poll(TIMEOUT) else { break };
        let message = message?;
        let incoming = Incoming::new(&message, message.topic().into(), 0);
        let Position { topic, offset, .. } = &incoming.position;
        if open.get(&**topic).is_some_and(|end| offset + 1 >= *end) {
            open.remove(&**topic);
        }
        read.push(incoming);
    }
    Ok(read)
}
