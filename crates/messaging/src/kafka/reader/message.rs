use minuet_envelope::Micros;
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use crate::kafka::incoming::each_header;

/// A message as it lies in the client's memory: nothing is copied until somebody wants it.
pub struct Message<'a> {
    /// Which of the slices, or partitions, that were asked for.
    pub slice: usize,
    pub offset: i64,
    inner: &'a BorrowedMessage<'a>,
}

impl<'a> Message<'a> {
    pub(super) fn new(slice: usize, inner: &'a BorrowedMessage<'a>) -> Self {
        Message { slice, offset: inner.offset(), inner }
    }

    /// Kafka's own time.
    pub fn timestamp(&self) -> Micros {
        timestamp(self.inner)
    }

    pub fn key(&self) -> Option<&'a [u8]> {
        self.inner.key()
    }

    pub fn payload(&self) -> Option<&'a [u8]> {
        self.inner.payload()
    }

    /// Shows each header. False: a header's name is no UTF-8, and what follows it was not shown.
    pub fn headers(&self, show: impl FnMut(&'a str, Option<&'a [u8]>)) -> bool {
        each_header(self.inner, show)
    }
}

pub(super) fn timestamp(message: &BorrowedMessage<'_>) -> Micros {
    Micros::from_millis(message.timestamp().to_millis().unwrap_or(0))
}
