use std::fmt;
use std::sync::Arc;

use minuet_events::values::Micros;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};

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

/// A message as the broker gave it, nothing parsed yet: what is parked if it cannot be processed.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub position: Position,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub timestamp: Micros,
    /// How often its partition had been given away when it was fetched.
    pub(crate) generation: u64,
}

impl Incoming {
    pub(crate) fn new(message: &BorrowedMessage<'_>, topic: Arc<str>, generation: u64) -> Self {
        let headers = message
            .headers()
            .map(|headers| headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect())
            .unwrap_or_default();
        Incoming {
            position: Position { topic, partition: message.partition(), offset: message.offset() },
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers,
            timestamp: Micros(message.timestamp().to_millis().unwrap_or(0) * 1000),
            generation,
        }
    }

    /// The value of the first header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.as_deref())
    }
}
