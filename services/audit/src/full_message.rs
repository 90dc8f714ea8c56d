//! A message with its headers and payload: to show it, or to export it.

use minuet_events::values::Micros;
use minuet_events::{Event, ResolveError};
use minuet_messaging::Message;
use minuet_messaging::json::{headers, hex, text};
use serde_json::{Value, json};

use crate::decode::{Content, Decoder};
use crate::record::{Head, Malformed, Position, Topics};

#[derive(Clone, Debug)]
pub(crate) struct FullMessage {
    pub(crate) position: Position,
    pub(crate) timestamp: Micros,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) content: Result<Content, Malformed>,
}

impl FullMessage {
    pub(crate) fn of(
        message: &Message<'_>,
        position: Position,
        decoder: &Decoder<'_>,
        topics: &Topics,
    ) -> Result<FullMessage, ResolveError> {
        let mut headers = Vec::new();
        message.headers(|name, value| headers.push((name.to_owned(), value.map(<[u8]>::to_vec))));
        Ok(FullMessage {
            position,
            timestamp: message.timestamp(),
            key: message.key().map(<[u8]>::to_vec),
            headers,
            payload: message.payload().map(<[u8]>::to_vec),
            content: decoder.decode(message, position, topics.name(position))?,
        })
    }

    pub(crate) fn record(&self) -> Option<(&Head, &Event)> {
        match &self.content {
            Ok(Content::Event(record)) => Some((&record.head, &record.event)),
            Ok(Content::Tombstone { .. }) | Err(_) => None,
        }
    }

    pub(crate) fn key(&self) -> String {
        self.key.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned()
    }

    /// The first header of that name, as far as it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        str::from_utf8(value.as_deref()?).ok()
    }

    /// The record as JSON; of what is none, its bytes in hex.
    pub(crate) fn value(&self) -> Value {
        match (&self.content, &self.payload) {
            (Ok(Content::Event(record)), _) => serde_json::to_value(&record.event).unwrap_or(Value::Null),
            (Err(_), Some(payload)) => Value::String(hex(payload)),
            (Ok(Content::Tombstone { .. }) | Err(_), _) => Value::Null,
        }
    }

    /// Everything, on one line; what `minuet produce` takes back.
    pub(crate) fn json(&self, topics: &Topics) -> Value {
        let mut line = json!({
            "topic": topics.name(self.position),
            "partition": self.position.partition,
            "offset": self.position.offset,
            "ts": self.timestamp.as_millis(),
            "type": self.record().map(|(head, _)| head.event_type.name()),
            "key": self.key.as_deref().map(text),
            "headers": headers(&self.headers),
            "value": self.value(),
        });
        if let (Err(malformed), Value::Object(fields)) = (&self.content, &mut line) {
            fields.insert("odd".to_owned(), json!({"code": malformed.code, "detail": malformed.detail}));
        }
        line
    }
}
