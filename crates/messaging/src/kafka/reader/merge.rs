//! Merges partitions into one stream by timestamp.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::ControlFlow;

use rdkafka::Message as _;
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::BorrowedMessage;

use super::inputs::{Input, check_client, leave, next};
use super::message::timestamp;
use super::{Message, ReadError, Reader, Slice};

/// Number of messages between two checks of the client's errors.
const CHECK_CLIENT_EVERY: usize = 4_096;

/// Small prefetch per partition: the slowest partition holds up all, and its next fetch starts at once.
const SETTINGS: &[(&str, &str)] = &[
    ("queued.min.messages", "1000"),
    ("queued.max.messages.kbytes", "512"),
    ("max.partition.fetch.bytes", "262144"),
    ("fetch.max.bytes", "8388608"),
];

impl Reader {
    /// Calls `show` with every message of the slices: in order within each partition, and by timestamp among partitions
    /// as far as each partition is ordered by time. Ends with the slices, or when `show` breaks.
    ///
    /// # Errors
    /// [`ReadError::Silent`] or [`ReadError::Broken`]: the broker was away for longer than 15 s.
    pub fn merged(
        &self,
        slices: &[Slice],
        mut show: impl FnMut(Message<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        if slices.iter().all(|slice| slice.offsets.is_empty()) {
            return Ok(());
        }
        let consumer = Reader::reading(&self.config, SETTINGS)?;
        let inputs = self.assign(&consumer, slices)?;
        let shown = merge(&consumer, slices, &inputs, &mut show);
        drop(inputs);
        leave(consumer);
        shown
    }
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
        if shown.is_multiple_of(CHECK_CLIENT_EVERY) {
            check_client(consumer)?;
        }
    }
    Ok(())
}
