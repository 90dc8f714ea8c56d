use minuet_envelope::Micros;
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use crate::kafka::incoming::each_header;

/// A message in librdkafka's memory; nothing is copied.
pub struct Message<'a> {
    /// The index of its slice or partition in the request.
    pub slice: usize,
    /// The offset in the partition.
    pub offset: i64,
    inner: &'a BorrowedMessage<'a>,
}

impl<'a> Message<'a> {
    pub(super) fn new(slice: usize, inner: &'a BorrowedMessage<'a>) -> Self {
        Message { slice, offset: inner.offset(), inner }
    }

    /// Kafka's timestamp.
    pub fn timestamp(&self) -> Micros {
        timestamp(self.inner)
    }

    /// The key's bytes.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.inner.key()
    }

    /// The value's bytes. `None`: a tombstone.
    pub fn payload(&self) -> Option<&'a [u8]> {
        self.inner.payload()
    }

    /// Calls `show` for each header. `false`: a header's name is not UTF-8, and that header and all after it were
    /// skipped.
    pub fn headers(&self, show: impl FnMut(&'a str, Option<&'a [u8]>)) -> bool {
        each_header(self.inner, show)
    }
}

pub(super) fn timestamp(message: &BorrowedMessage<'_>) -> Micros {
    Micros::from_millis(message.timestamp().to_millis().unwrap_or(0))
}
