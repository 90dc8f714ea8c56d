//! Few partitions to their ends, one after the other, as fast as they come.

use std::ops::ControlFlow;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::inputs::{Input, next};
use super::{Message, ReadError, Reader, Slice};

/// Much at once: whoever scans wants little of what comes, and that soon.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("queued.min.messages", "1000000"),
    // Of each partition at most twice that lies here: 160 MB where all 80 are read.
    ("max.partition.fetch.bytes", "1048576"),
    ("queued.max.messages.kbytes", "1024"),
    ("fetch.max.bytes", "16777216"),
];

impl Reader {
    /// Shows every message of these slices, in the order of each partition and in none among them. Ends with the slices, or
    /// when told to. By the client that asks, since one of its own would first have to find the brokers.
    ///
    /// One at a time: the client has one assignment.
    ///
    /// # Errors
    /// The broker went away, for longer than a moment.
    pub fn scan(
        &self,
        slices: &[Slice],
        mut show: impl FnMut(Message<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let inputs = self.assign(&self.asking, slices)?;
        let shown = drain(&self.asking, slices, &inputs, &mut show);
        drop(inputs);
        shown.and(self.asking.unassign().map_err(ReadError::Broken))
    }
}

fn drain(
    consumer: &BaseConsumer,
    slices: &[Slice],
    inputs: &[Input],
    show: &mut impl FnMut(Message<'_>) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    for input in inputs {
        let mut expected = input.next;
        while let Some(message) = next(consumer, slices, input, expected)? {
            let message = Message::new(input.at, &message);
            expected = message.offset + 1;
            if show(message).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
