//! A client that reads slices, with one queue per slice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use super::{ReadError, Reader, Slice, TIMEOUT};
use crate::kafka::consumer::is_unreadable;

const POLL_TIMEOUT: Duration = Duration::from_millis(100);

const SETTINGS: &[(&str, &str)] = &[
    ("enable.partition.eof", "true"),
    ("auto.offset.reset", "earliest"),
    // Fetch again without a wait.
    ("fetch.wait.max.ms", "10"),
    ("fetch.queue.backoff.ms", "2"),
];

pub(super) struct Input {
    /// The index of the slice.
    pub(super) at: usize,
    pub(super) queue: PartitionQueue<DefaultConsumerContext>,
    pub(super) next: i64,
    pub(super) end: i64,
}

impl Reader {
    /// A client with these settings.
    pub(super) fn reading(
        config: &ClientConfig,
        settings: &[(&str, &str)],
    ) -> Result<Arc<BaseConsumer>, ReadError> {
        let mut config = config.clone();
        for (name, value) in SETTINGS.iter().chain(settings) {
            config.set(*name, *value);
        }
        config.create().map(Arc::new).map_err(ReadError::Settings)
    }

    /// Assigns the slices that are not empty.
    pub(super) fn assign(
        &self,
        consumer: &Arc<BaseConsumer>,
        slices: &[Slice],
    ) -> Result<Vec<Input>, ReadError> {
        let mut assignment = TopicPartitionList::with_capacity(slices.len());
        let mut inputs = Vec::with_capacity(slices.len());
        for (at, Slice { topic, partition, offsets }) in slices.iter().enumerate() {
            if offsets.is_empty() {
                continue;
            }
            assignment
                .add_partition_offset(topic, *partition, Offset::Offset(offsets.start))
                .map_err(ReadError::Broken)?;
            // Split before assigning: the first messages may otherwise bypass the queue.
            let queue = consumer.split_partition_queue(topic, *partition);
            let queue = queue.ok_or_else(|| self.away(KafkaError::Canceled))?;
            inputs.push(Input { at, queue, next: offsets.start, end: offsets.end });
        }
        consumer.assign(&assignment).map_err(ReadError::Broken)?;
        Ok(inputs)
    }
}

/// Closes the client on its own thread: closing waits for the client's threads.
pub(super) fn leave(consumer: Arc<BaseConsumer>) {
    std::thread::spawn(move || drop(consumer));
}

/// The next message. `None`: the end of the slice.
pub(super) fn next<'a>(
    consumer: &BaseConsumer,
    slices: &[Slice],
    input: &'a Input,
    expected: i64,
) -> Result<Option<BorrowedMessage<'a>>, ReadError> {
    if expected >= input.end {
        return Ok(None);
    }
    let mut waiting: Option<Instant> = None;
    loop {
        match input.queue.poll(if waiting.is_none() { Duration::ZERO } else { POLL_TIMEOUT }) {
            Some(Ok(message)) if message.offset() >= input.end => return Ok(None),
            Some(Ok(message)) => return Ok(Some(message)),
            // Messages written later do not belong to the slice, and the last offsets may be gaps.
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            Some(Err(source)) if source.rdkafka_error_code().is_some_and(is_unreadable) => {
                let Slice { topic, partition, .. } = &slices[input.at];
                let (topic, partition) = (Arc::clone(topic), *partition);
                return Err(ReadError::Unreadable { topic, partition, offset: expected, source });
            }
            Some(Err(error)) => return Err(ReadError::Broken(error)),
            None => {
                check_client(consumer)?;
                if waiting.get_or_insert_with(Instant::now).elapsed() > TIMEOUT {
                    let Slice { topic, partition, .. } = &slices[input.at];
                    return Err(ReadError::Silent {
                        topic: Arc::clone(topic),
                        partition: *partition,
                        offset: expected,
                    });
                }
            }
        }
    }
}

/// Returns fatal errors only. Connection errors pass by themselves or end in [`ReadError::Silent`].
pub(super) fn check_client(consumer: &BaseConsumer) -> Result<(), ReadError> {
    match consumer.poll(Duration::ZERO) {
        Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => Err(ReadError::Broken(error)),
        Some(Err(_) | Ok(_)) | None => Ok(()),
    }
}
