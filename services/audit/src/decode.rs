//! From a message to a record, or to the reason why it is none: by the services' own rule ([`validity`]), so that a message
//! that a service parks is malformed here, too.

use minuet_envelope::validity::{self, Checked, EventError, Invalid, RawMessage};
use minuet_envelope::{EnvelopeRef, Headers};
use minuet_events::values::Micros;
use minuet_events::{Codec, EventType, ResolveError};
use minuet_messaging::Message;
use minuet_messaging::topics::Catalogue;
use tokio::runtime::Handle;

use crate::record::{Head, Malformed, Position, Record, Source, hash};

/// What a message may hold that is right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Event(Box<Record>),
    /// A null value on a compacted topic: what the key names is gone.
    Tombstone {
        position: Position,
        /// Kafka's time of the message.
        recorded: Micros,
        key: String,
    },
}

pub(crate) struct Decoder<'a> {
    pub(crate) codec: &'a Codec,
    pub(crate) catalogue: &'a Catalogue<minuet_events::EventType>,
    pub(crate) runtime: &'a Handle,
}

impl Decoder<'_> {
    /// `topic` is its name without the prefix. The outer error only when the registry is away: then nothing can be said.
    pub(crate) fn decode(
        &self,
        message: &Message<'_>,
        position: Position,
        topic: &str,
    ) -> Result<Result<Content, Malformed>, ResolveError> {
        let mut headers = Headers::default();
        let readable = message.headers(|name, value| headers.add(name, value));
        let message = RawMessage {
            key: message.key(),
            payload: message.payload(),
            headers: readable.then_some(headers),
            time: message.timestamp(),
        };
        let malformed = |Invalid { reason, detail }| Malformed { position, code: reason.code(), detail };
        let recorded = message.time;
        let message = match validity::check(&message, &self.catalogue.rules(topic)) {
            Ok(Checked::Event(message)) => message,
            Ok(Checked::Tombstone { key }) => {
                return Ok(Ok(Content::Tombstone { position, recorded, key: key.to_owned() }));
            }
            Err(invalid) => return Ok(Err(malformed(invalid))),
        };
        let event = match message.event(self.codec) {
            Ok(event) => Ok(event),
            Err(EventError::Invalid(invalid)) => Err(invalid),
            Err(EventError::UnknownSchema { .. }) => {
                self.runtime.block_on(message.resolved_event(self.codec))?
            }
        };
        let head = head(&message.envelope, recorded, position, hash(message.payload));
        Ok(event.map(|event| Content::Event(Box::new(Record { head, event }))).map_err(malformed))
    }
}

fn head(envelope: &EnvelopeRef<'_, EventType>, recorded: Micros, position: Position, payload: u64) -> Head {
    Head {
        position,
        id: envelope.id,
        event_type: envelope.event_type,
        source: Source::of(envelope.source),
        time: envelope.time,
        recorded,
        cause: envelope.causation_id,
        sequence: envelope.sequence,
        payload,
    }
}
