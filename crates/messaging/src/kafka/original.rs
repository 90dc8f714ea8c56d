//! Reads one message again from its topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::kafka::config;
use crate::{Incoming, Position};

const TIMEOUT: Duration = Duration::from_secs(10);
const POLL_TIMEOUT: Duration = Duration::from_millis(200);

/// Why a message could not be read again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the message is no longer on its topic")]
    Gone,
    #[error("Kafka did not deliver the message within {} s", TIMEOUT.as_secs())]
    Silent,
    #[error("the message could not be read")]
    Broken(#[from] KafkaError),
}

/// Reads messages by their position, each with a client of its own: it is rarely asked.
pub(crate) struct Originals(ClientConfig);

impl Originals {
    pub(crate) fn new(kafka: &BTreeMap<String, String>, client: &str) -> Self {
        let mut config = config::reader(kafka, client);
        // Only one message is read: a fetch brings no more than the batch that holds it.
        for (name, value) in [
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "error"),
            ("fetch.message.max.bytes", "1"),
            ("queued.max.messages.kbytes", "1"),
            ("queued.min.messages", "1"),
        ] {
            config.set(name, value);
        }
        Originals(config)
    }

    pub(crate) async fn read(&self, position: &Position) -> Result<Incoming, Unreadable> {
        let (config, position) = (self.0.clone(), position.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = config.create()?;
            let read = read(&consumer, &position);
            // Closing waits for the client's threads.
            std::thread::spawn(move || drop(consumer));
            read
        });
        reading.await.map_err(|_| KafkaError::Canceled)?
    }
}

fn read(consumer: &BaseConsumer, position: &Position) -> Result<Incoming, Unreadable> {
    let Position { topic, partition, offset } = position;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    consumer.assign(&assignment)?;
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT {
        match consumer.poll(POLL_TIMEOUT) {
            Some(Ok(message)) if message.offset() == *offset => {
                return Ok(Incoming::new(&message, Arc::clone(topic), 0));
            }
            // It was deleted by retention, or compacted away; or the topic was created again.
            Some(Ok(_)) | Some(Err(KafkaError::PartitionEOF(_))) => return Err(Unreadable::Gone),
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => {
                return Err(Unreadable::Gone);
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error.into()),
            // The broker is away; librdkafka connects again.
            Some(Err(_)) | None => {}
        }
    }
    Err(Unreadable::Silent)
}
