use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use minuet_envelope::Micros;
use minuet_envelope::envelope;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::kafka::cut::{self, MAX_MESSAGE_BYTES, Measure, Original};

/// The position of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The topic's full name, prefix included.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}

/// Calls `show` for each header. `false`: a header's name is not UTF-8, and that header and all after it were skipped.
/// rdkafka panics on such a name, and any producer can write one.
pub(crate) fn each_header<'a>(
    message: &'a BorrowedMessage<'_>,
    mut show: impl FnMut(&'a str, Option<&'a [u8]>),
) -> bool {
    let Some(headers) = message.headers() else { return true };
    catch_unwind(AssertUnwindSafe(|| {
        for header in headers.iter() {
            show(header.key, header.value);
        }
    }))
    .is_ok()
}

/// Headers in their order. Names of the contract are not copied.
pub(crate) type IncomingHeaders = Vec<(Cow<'static, str>, Option<Bytes>)>;

/// Space for the values of the contract's headers, so that a message is copied into one allocation.
const HEADER_BYTES: usize = 640;

/// A message as received, not parsed. It is parked in this form if it cannot be processed.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Where the message is.
    pub position: Position,
    /// Kafka's id of the topic; nil: unknown. A topic that was deleted and created again has another one.
    pub topic_id: Uuid,
    /// The key's bytes.
    pub key: Option<Bytes>,
    /// The value's bytes. `None`: a tombstone.
    pub payload: Option<Bytes>,
    /// The headers, in their order.
    pub headers: IncomingHeaders,
    /// Kafka's timestamp of the message.
    pub timestamp: Micros,
    /// `false`: a header's name is not UTF-8; `headers` ends before it.
    pub headers_readable: bool,
    /// The message that this one is the beginning of. `None`: it is whole.
    pub(crate) original: Option<Original>,
    /// An event of the past, which was taken under the rules of its time: see [`Contract::admit`].
    ///
    /// [`Contract::admit`]: minuet_envelope::Contract::admit
    pub(crate) was_taken: bool,
    /// The revocation epoch of its partition at the time of the fetch.
    pub(crate) revocation_epoch: u64,
    /// Its share of the fetch buffer, released on drop.
    pub(crate) room: Option<Arc<OwnedSemaphorePermit>>,
}

impl Incoming {
    /// Copies the message; one above [`MAX_MESSAGE_BYTES`] is cut.
    pub(crate) fn new(message: &BorrowedMessage<'_>, topic: Arc<str>, revocation_epoch: u64) -> Self {
        let (key, payload) = (message.key(), message.payload());
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let mut size = length(key) + length(payload);
        if size > MAX_MESSAGE_BYTES {
            return Incoming::beginning(message, topic, revocation_epoch);
        }
        let mut room = BytesMut::with_capacity(size + HEADER_BYTES);
        let mut copy = |bytes: &[u8]| {
            room.extend_from_slice(bytes);
            room.split().freeze()
        };
        let (key, payload) = (key.map(&mut copy), payload.map(&mut copy));
        let mut headers = IncomingHeaders::with_capacity(14);
        let readable = each_header(message, |name, value| {
            size += cut::header_size(name, value);
            if size <= MAX_MESSAGE_BYTES {
                headers.push((named(name), value.map(&mut copy)));
            }
        });
        if size > MAX_MESSAGE_BYTES {
            return Incoming::beginning(message, topic, revocation_epoch);
        }
        Incoming {
            position: Position { topic, partition: message.partition(), offset: message.offset() },
            topic_id: Uuid::nil(),
            key,
            payload,
            headers,
            timestamp: Micros::from_millis(message.timestamp().to_millis().unwrap_or(0)),
            headers_readable: readable,
            original: None,
            was_taken: false,
            revocation_epoch,
            room: None,
        }
    }

    /// The beginning of a message that is too large to be copied.
    fn beginning(message: &BorrowedMessage<'_>, topic: Arc<str>, revocation_epoch: u64) -> Self {
        let mut measure = Measure::default();
        measure.part(message.key());
        let (mut headers, mut index) = (IncomingHeaders::new(), 0);
        let readable = each_header(message, |name, value| {
            measure.part(Some(name.as_bytes()));
            measure.part(value);
            if let Some((name, value)) = cut::kept_header(index, name, value) {
                headers.push((named(name), value.map(Bytes::copy_from_slice)));
            }
            index += 1;
        });
        measure.part(message.payload());
        Incoming {
            topic_id: Uuid::nil(),
            position: Position { topic, partition: message.partition(), offset: message.offset() },
            key: message.key().map(cut::kept_key).map(Bytes::copy_from_slice),
            payload: message.payload().map(cut::kept_payload).map(Bytes::copy_from_slice),
            headers,
            timestamp: Micros::from_millis(message.timestamp().to_millis().unwrap_or(0)),
            headers_readable: readable,
            original: Some(measure.original()),
            was_taken: false,
            revocation_epoch,
            room: None,
        }
    }

    /// A message from another source than the consumer: a dead letter, a replay, a test.
    pub fn recorded(
        position: Position,
        key: Option<Vec<u8>>,
        payload: Option<Vec<u8>>,
        headers: Vec<(String, Option<Vec<u8>>)>,
        timestamp: Micros,
    ) -> Self {
        let (headers_readable, revocation_epoch, room) = (true, 0, None);
        let (key, payload) = (key.map(Bytes::from), payload.map(Bytes::from));
        let headers =
            headers.into_iter().map(|(name, value)| (named(&name), value.map(Bytes::from))).collect();
        let was_taken = false;
        Incoming {
            position,
            topic_id: Uuid::nil(),
            key,
            payload,
            headers,
            timestamp,
            headers_readable,
            original: None,
            was_taken,
            revocation_epoch,
            room,
        }
    }

    /// The message with at most so many bytes. One that was cut before is small.
    pub(crate) fn within(&self, most: usize) -> Cow<'_, Incoming> {
        let headers = self.headers.iter().map(|(name, value)| cut::header_size(name, value.as_deref()));
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let size = length(&self.key) + length(&self.payload) + headers.sum::<usize>();
        if size <= most || self.original.is_some() { Cow::Borrowed(self) } else { Cow::Owned(self.cut()) }
    }

    fn cut(&self) -> Incoming {
        let copy = |part: &[u8]| Bytes::copy_from_slice(part);
        let header = |(index, (name, value)): (usize, &(Cow<'static, str>, Option<Bytes>))| {
            let (name, value) = cut::kept_header(index, name, value.as_deref())?;
            Some((Cow::Owned(name.to_owned()), value.map(copy)))
        };
        Incoming {
            key: self.key.as_deref().map(cut::kept_key).map(copy),
            payload: self.payload.as_deref().map(cut::kept_payload).map(copy),
            headers: self.headers.iter().enumerate().map_while(header).collect(),
            original: Some(self.measured()),
            position: self.position.clone(),
            room: None,
            ..*self
        }
    }

    /// The length and the hash of the whole message.
    pub(crate) fn measured(&self) -> Original {
        if let Some(original) = &self.original {
            return original.clone();
        }
        let mut measure = Measure::default();
        measure.part(self.key.as_deref());
        for (name, value) in &self.headers {
            measure.part(Some(name.as_bytes()));
            measure.part(value.as_deref());
        }
        measure.part(self.payload.as_deref());
        measure.original()
    }

    /// The same message, of which is known that it was processed before.
    #[must_use]
    pub fn taken(self) -> Self {
        Incoming { was_taken: true, ..self }
    }

    /// The value of the first header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.as_deref())
    }
}

fn named(name: &str) -> Cow<'static, str> {
    envelope::known_name(name).map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}
