//! Which messages are events: one rule for the services that process them and for the programs that read along.
//!
//! [`check`] looks at everything but the value; [`EventMessage::event`] decodes the value and holds it against the rest. A
//! service stops between the two where it does not consume the kind. What fails has a [`ParkReason`] and one text, so that
//! a reader of the topic says what the service says.

use time::Duration;

pub use crate::invalid::Invalid;

use crate::invalid::invalid;
use crate::{Contract, DecodeError, EnvelopeRef, EventKind, Headers, Micros, ParkReason, ResolveError};

/// 2020-01-01, before the first event of any producer: a clock that was never set shows 1970 or 2000.
pub const EARLIEST_TIME: Micros = Micros(1_577_836_800_000_000);
/// How far `ce_time` may lie after Kafka's time of its message: as far as Kafka 4 lets a record's time lie ahead of the
/// broker (`message.timestamp.after.max.ms`). There is no bound to the other side, since events of years ago are sent again.
pub const MAX_TIME_AHEAD: Duration = Duration::hours(1);

/// What a topic takes, by its declaration.
#[derive(Debug, Clone, Copy)]
pub struct TopicRules<'a, K> {
    /// The topic's name, as an error shows it.
    pub name: &'a str,
    /// The records that belong on it.
    pub records: &'a [K],
    /// Whether a message without a value deletes its key.
    pub is_compacted: bool,
}

/// A message as it lies on its topic.
#[derive(Debug, Clone, Copy)]
pub struct RawMessage<'a> {
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value, if there is one.
    pub payload: Option<&'a [u8]>,
    /// `None`: the name of a header is not UTF-8.
    pub headers: Option<Headers<'a>>,
    /// Kafka's own time.
    pub time: Micros,
}

/// A message whose key and headers keep the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked<'a, K> {
    /// An event, whose value is not read yet.
    Event(EventMessage<'a, K>),
    /// No value, on a compacted topic: the subject of the key is gone.
    Tombstone {
        /// The message's key.
        key: &'a str,
    },
}

/// The envelope of an event, and its value as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventMessage<'a, K> {
    /// The message's key.
    pub key: &'a str,
    /// The headers.
    pub envelope: EnvelopeRef<'a, K>,
    /// The value.
    pub payload: &'a [u8],
}

/// Why a message's value gives no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The schema has to be fetched first: [`EventMessage::resolved_event`] does.
    #[error("schema {id} is not known yet")]
    UnknownSchema {
        /// The registry's id.
        id: u32,
    },
    /// The value breaks the contract.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Holds a message against the contract, its value apart.
///
/// # Errors
/// The first thing that is wrong.
pub fn check<'a, K: EventKind>(
    message: &RawMessage<'a>,
    topic: &TopicRules<'_, K>,
) -> Result<Checked<'a, K>, Invalid> {
    let key = message
        .key
        .ok_or_else(|| invalid(ParkReason::Key, "the message has no key; it takes the event's subject"))?;
    let key = str::from_utf8(key).map_err(|_| invalid(ParkReason::Key, "the message key is not UTF-8"))?;
    let headers =
        message.headers.ok_or_else(|| invalid(ParkReason::Headers, "the name of a header is not UTF-8"))?;
    possible("Kafka's time of the message", message.time)?;
    let Some(payload) = message.payload else {
        return match topic.is_compacted {
            true => Ok(Checked::Tombstone { key }),
            false => Err(invalid(ParkReason::EmptyBody, "the message has no value")),
        };
    };
    let envelope = EnvelopeRef::read(&headers, Some(key), message.time)
        .map_err(|error| invalid(ParkReason::Headers, error.to_string()))?;
    check_time(envelope.time, message.time)?;
    if !topic.records.contains(&envelope.event_type) {
        let (record, name) = (envelope.event_type.record_name(), topic.name);
        return Err(invalid(ParkReason::WrongRecord, format!("{record} does not belong on {name}")));
    }
    Ok(Checked::Event(EventMessage { key, envelope, payload }))
}

/// Holds the `ce_time` of an event against Kafka's time of its message.
///
/// # Errors
/// No right clock gives such a time: [`ParkReason::AbsurdTime`].
pub fn check_time(time: Micros, kafka_time: Micros) -> Result<(), Invalid> {
    possible("the header ce_time", time)?;
    if time > kafka_time.plus(MAX_TIME_AHEAD) {
        let detail = format!(
            "the header ce_time is {time}, over an hour after {kafka_time}, Kafka's time of the message"
        );
        return Err(invalid(ParkReason::AbsurdTime, detail));
    }
    Ok(())
}

/// Compares with a fixed time and never with a reader's clock: a message is as valid years later as it is today.
fn possible(what: &str, time: Micros) -> Result<(), Invalid> {
    match time >= EARLIEST_TIME {
        true => Ok(()),
        false => Err(invalid(ParkReason::AbsurdTime, format!("{what} is {time}, before {EARLIEST_TIME}"))),
    }
}

/// Holds an event that comes in today against the rules of today: [`Contract::admit`]. A reader of the past does not ask.
///
/// # Errors
/// A value that is not taken any more.
pub fn admit<C: Contract>(event: C::Event) -> Result<C::Event, Invalid> {
    C::admit(&event).map(|()| event)
}

impl<K: EventKind> EventMessage<'_, K> {
    /// Decodes the value and holds it against key and headers. Never waits.
    ///
    /// # Errors
    /// The value breaks the contract, or its schema has to be fetched first.
    pub fn event<C: Contract<Kind = K>>(&self, contract: &C) -> Result<C::Event, EventError> {
        let event = contract.decode(self.payload).map_err(|error| match error {
            DecodeError::UnknownSchema { id } => EventError::UnknownSchema { id },
            error => invalid(reason(&error), error.to_string()).into(),
        })?;
        let (said, held) = (self.envelope.event_type, C::kind(&event));
        if said != held {
            let (said, held) = (said.ce_type(), held.record_name());
            return Err(invalid(
                ParkReason::WrongRecord,
                format!("ce_type says {said}, the payload is {held}"),
            )
            .into());
        }
        // The key of a parked message may be anything, so that no message can bear it.
        if Some(held) != K::PARKED {
            let key = C::key(&event);
            if key != self.key {
                let detail = format!("the message key is {:?}, but the event is about {key:?}", self.key);
                return Err(invalid(ParkReason::Key, detail).into());
            }
        }
        if self.envelope.subject != self.key {
            let detail = format!("ce_subject is {:?}, the message key {:?}", self.envelope.subject, self.key);
            return Err(invalid(ParkReason::Headers, detail).into());
        }
        Ok(event)
    }

    /// As [`EventMessage::event`]; fetches the schema where that is needed.
    ///
    /// # Errors
    /// The registry does not answer: then nothing can be said about the message yet.
    pub async fn resolved_event<C: Contract<Kind = K>>(
        &self,
        contract: &C,
    ) -> Result<Result<C::Event, Invalid>, ResolveError> {
        loop {
            let id = match self.event(contract) {
                Ok(event) => return Ok(Ok(event)),
                Err(EventError::Invalid(invalid)) => return Ok(Err(invalid)),
                Err(EventError::UnknownSchema { id }) => id,
            };
            match contract.resolve(id).await {
                Ok(()) => {}
                Err(error @ ResolveError::Unavailable { .. }) => return Err(error),
                Err(error @ ResolveError::NotFound { .. }) => {
                    return Ok(Err(invalid(ParkReason::UnknownSchema, error.to_string())));
                }
            }
        }
    }
}

fn reason(error: &DecodeError) -> ParkReason {
    match error {
        DecodeError::Empty => ParkReason::EmptyBody,
        DecodeError::UnknownRecord { .. } => ParkReason::WrongRecord,
        DecodeError::UnknownSchema { .. } => ParkReason::UnknownSchema,
        DecodeError::NotAvro | DecodeError::Malformed { .. } | DecodeError::NoEvent(_) => {
            ParkReason::Undecodable
        }
    }
}
