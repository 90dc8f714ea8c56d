//! Many partitions as one stream in the order of time, so that what belongs together comes close together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::message::timestamp;
use super::{Message, ReadError, Reader, Slice, TIMEOUT};

/// So often, in messages, the client's own news are looked at.
const NEWS: usize = 4_096;
const PATIENCE: Duration = Duration::from_millis(100);

/// Of each partition a little is fetched ahead, since the one that is behind holds up all: and it is asked for again at once.
const SETTINGS: &[(&str, &str)] = &[
    ("enable.partition.eof", "true"),
    ("auto.offset.reset", "earliest"),
    ("queued.min.messages", "4000"),
    ("queued.max.messages.kbytes", "1024"),
    ("max.partition.fetch.bytes", "524288"),
    ("fetch.max.bytes", "8388608"),
    ("fetch.wait.max.ms", "10"),
    ("fetch.queue.backoff.ms", "2"),
    ("check.crcs", "false"),
];

type Queue = PartitionQueue<DefaultConsumerContext>;

impl Reader {
    /// Shows every message of these slices, the oldest of those that come next in their partitions first: in the order of
    /// each partition always, and in the order of time as far as partitions are. Ends with the slices, or when told to.
    ///
    /// # Errors
    /// The broker went away, for longer than a moment.
    pub fn merged(
        &self,
        slices: &[Slice],
        mut show: impl FnMut(Message<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let open: Vec<usize> = (0..slices.len()).filter(|at| !slices[*at].offsets.is_empty()).collect();
        if open.is_empty() {
            return Ok(());
        }
        let mut config = self.config.clone();
        for (name, value) in SETTINGS {
            config.set(*name, *value);
        }
        let consumer: Arc<BaseConsumer> = Arc::new(config.create().map_err(ReadError::Settings)?);
        let mut assignment = TopicPartitionList::with_capacity(open.len());
        let mut inputs = Vec::with_capacity(open.len());
        for at in open {
            let Slice { topic, partition, offsets } = &slices[at];
            assignment
                .add_partition_offset(topic, *partition, Offset::Offset(offsets.start))
                .map_err(ReadError::Broken)?;
            // Before it is assigned, or its first messages may go another way.
            let queue = consumer.split_partition_queue(topic, *partition);
            let queue = queue.ok_or_else(|| self.away(KafkaError::Canceled))?;
            inputs.push(Input { at, queue, next: offsets.start, end: offsets.end });
        }
        consumer.assign(&assignment).map_err(ReadError::Broken)?;
        let shown = merge(&consumer, slices, &inputs, &mut show);
        drop(inputs);
        // Closing waits for the client's threads: nobody needs that.
        std::thread::spawn(move || drop(consumer));
        shown
    }
}

struct Input {
    /// Which slice.
    at: usize,
    queue: Queue,
    next: i64,
    end: i64,
}

fn merge(
    consumer: &BaseConsumer,
    slices: &[Slice],
    inputs: &[Input],
    show: &mut impl FnMut(Message<'_>) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let mut heads: Vec<Option<BorrowedMessage<'_>>> = Vec::with_capacity(inputs.len());
    let mut order = BinaryHeap::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let head = next(consumer, slices, input, input.next)?;
        order.extend(head.as_ref().map(|head| Reverse((timestamp(head).0, index))));
        heads.push(head);
    }
    let mut shown = 0_usize;
    while let Some(mut first) = order.peek_mut() {
        let Reverse((_, index)) = *first;
        let input = &inputs[index];
        let Some(message) = heads[index].take() else {
            PeekMut::pop(first);
            continue;
        };
        if show(Message::new(input.at, &message)).is_break() {
            return Ok(());
        }
        let head = next(consumer, slices, input, message.offset() + 1)?;
        match &head {
            Some(head) => *first = Reverse((timestamp(head).0, index)),
            None => {
                PeekMut::pop(first);
            }
        }
        heads[index] = head;
        shown += 1;
        if shown.is_multiple_of(NEWS) {
            news(consumer)?;
        }
    }
    Ok(())
}

/// None at the end of the slice.
fn next<'a>(
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
        match input.queue.poll(if waiting.is_none() { Duration::ZERO } else { PATIENCE }) {
            Some(Ok(message)) if message.offset() >= input.end => return Ok(None),
            Some(Ok(message)) => return Ok(Some(message)),
            // What was written meanwhile is not ours, and the last offsets may be gaps.
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            Some(Err(error)) => return Err(ReadError::Broken(error)),
            None => {
                news(consumer)?;
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

/// Errors of the connection pass by themselves, or end in silence; those of the settings do not.
fn news(consumer: &BaseConsumer) -> Result<(), ReadError> {
    match consumer.poll(Duration::ZERO) {
        Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => Err(ReadError::Broken(error)),
        Some(Err(_) | Ok(_)) | None => Ok(()),
    }
}
