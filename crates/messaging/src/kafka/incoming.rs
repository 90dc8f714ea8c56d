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

/// Where a message lies. The topic carries its prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}

/// Shows each header. False: a header's name is no UTF-8, and what follows it was not shown. The client panics on such a name,
/// and anybody may write one.
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

/// Headers in their order. A name of the contract is not copied.
pub(crate) type IncomingHeaders = Vec<(Cow<'static, str>, Option<Bytes>)>;

/// Room for the values of the contract's headers, so that a message is copied into one piece of memory.
const HEADER_BYTES: usize = 640;

/// A message as the broker gave it, nothing parsed yet: what is parked if it cannot be processed.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub position: Position,
    pub key: Option<Bytes>,
    pub payload: Option<Bytes>,
    pub headers: IncomingHeaders,
    pub timestamp: Micros,
    /// False: the name of a header is no UTF-8, and the headers from there on are missing here.
    pub headers_readable: bool,
    /// An event of the past, which was taken under the rules of its time: see [`Contract::admit`].
    ///
    /// [`Contract::admit`]: minuet_envelope::Contract::admit
    pub(crate) was_taken: bool,
    /// How often its partition had been given away when it was fetched.
    pub(crate) generation: u64,
    /// Its share of what may be under way, given back when it is dropped.
    pub(crate) room: Option<Arc<OwnedSemaphorePermit>>,
}

impl Incoming {
    pub(crate) fn new(message: &BorrowedMessage<'_>, topic: Arc<str>, generation: u64) -> Self {
        let (key, payload) = (message.key(), message.payload());
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let mut room = BytesMut::with_capacity(length(key) + length(payload) + HEADER_BYTES);
        let mut copy = |bytes: &[u8]| {
            room.extend_from_slice(bytes);
            room.split().freeze()
        };
        let (key, payload) = (key.map(&mut copy), payload.map(&mut copy));
        let mut headers = IncomingHeaders::with_capacity(14);
        let readable = each_header(message, |name, value| headers.push((named(name), value.map(&mut copy))));
        Incoming {
            position: Position { topic, partition: message.partition(), offset: message.offset() },
            key,
            payload,
            headers,
            timestamp: Micros::from_millis(message.timestamp().to_millis().unwrap_or(0)),
            headers_readable: readable,
            was_taken: false,
            generation,
            room: None,
        }
    }

    /// A message that was read elsewhere, to be processed without a consumer.
    pub fn recorded(
        position: Position,
        key: Option<Vec<u8>>,
        payload: Option<Vec<u8>>,
        headers: Vec<(String, Option<Vec<u8>>)>,
        timestamp: Micros,
    ) -> Self {
        let (headers_readable, generation, room) = (true, 0, None);
        let (key, payload) = (key.map(Bytes::from), payload.map(Bytes::from));
        let headers =
            headers.into_iter().map(|(name, value)| (named(&name), value.map(Bytes::from))).collect();
        let was_taken = false;
        Incoming { position, key, payload, headers, timestamp, headers_readable, was_taken, generation, room }
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
