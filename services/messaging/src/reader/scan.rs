//! Few partitions to their ends, one after the other, as fast as they come.

use std::ops::ControlFlow;

use rdkafka::consumer::BaseConsumer;

use super::inputs::{Input, leave, next};
use super::{Message, ReadError, Reader, Slice};

/// Fetched ahead, in KiB, of all partitions together.
const AHEAD: usize = 65_536;

/// Much at once: whoever scans wants little of what comes, and that soon.
const SETTINGS: &[(&str, &str)] = &[
    ("queued.min.messages", "1000000"),
    ("max.partition.fetch.bytes", "4194304"),
    ("fetch.max.bytes", "16777216"),
];

impl Reader {
    /// Shows every message of these slices, in the order of each partition and in none among them. Ends with the slices, or
    /// when told to.
    ///
    /// # Errors
    /// The broker went away, for longer than a moment.
    pub fn scan(
        &self,
        slices: &[Slice],
        mut show: impl FnMut(Message<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let ahead = (AHEAD / slices.len().max(1)).max(1_024).to_string();
        let settings = [SETTINGS, &[("queued.max.messages.kbytes", ahead.as_str())]].concat();
        let Some((consumer, inputs)) = self.inputs(slices, &settings)? else { return Ok(()) };
        let shown = drain(&consumer, slices, &inputs, &mut show);
        drop(inputs);
        leave(consumer);
        shown
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
