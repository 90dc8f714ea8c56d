//! Scans a few partitions to their ends, one after the other, as fast as possible.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::inputs::{Input, next};
use super::{Message, ReadError, Reader, Slice};

/// Large fetches: a scan drops most messages quickly.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("queued.min.messages", "1000000"),
    // Memory per partition is at most twice this: 160 MB for all 80 partitions.
    ("max.partition.fetch.bytes", "1048576"),
    ("queued.max.messages.kbytes", "1024"),
    ("fetch.max.bytes", "16777216"),
];

impl Reader {
    /// Calls `show` with every message of the slices: in order within each partition, in no order among partitions.
    /// Ends with the slices, or when `show` breaks. Uses the client that answered the metadata requests: a new one
    /// would first have to connect.
    ///
    /// One scan at a time: the client has one assignment.
    ///
    /// # Errors
    /// [`ReadError::Silent`] or [`ReadError::Broken`]: the broker was away for longer than 15 s.
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

    /// The keys of slices of a compacted topic whose newest record has a value. A key that is no UTF-8 is left out: no view
    /// is made from it. A scan, so one at a time; none where the slices are empty.
    ///
    /// # Errors
    /// As [`Reader::scan`].
    pub fn kept_keys(&self, slices: &[Slice]) -> Result<BTreeSet<String>, ReadError> {
        let slices: Vec<Slice> = slices.iter().filter(|slice| !slice.offsets.is_empty()).cloned().collect();
        let mut keys = BTreeSet::new();
        if slices.is_empty() {
            return Ok(keys);
        }
        self.scan(&slices, |message| {
            if let Some(key) = message.key().and_then(|key| str::from_utf8(key).ok()) {
                match message.payload() {
                    Some(_) => _ = keys.insert(key.to_owned()),
                    None => _ = keys.remove(key),
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(keys)
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
