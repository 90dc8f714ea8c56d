//! CloudEvents 1.0 in Kafka's binary mode: everything about an event that is not its record.

use std::sync::Arc;

use uuid::Uuid;

use crate::headers::{
    BAGGAGE, CAUSATION_ID, CONTENT_TYPE, CORRELATION_ID, HEADERS, Headers, ID, SEQUENCE, SOURCE, SPECVERSION,
    SUBJECT, TIME, TRACEPARENT, TRACESTATE, TYPE,
};
use crate::{EventKind, Micros, TraceContext, ValueError, parse_uuid};

const AVRO: &str = "application/avro";
const MAX_NAME: usize = 256;

/// The contract's own copy of a header's name, if it has one.
pub fn known_name(name: &str) -> Option<&'static str> {
    HEADERS.into_iter().map(|field| field.name).find(|known| *known == name)
}

/// An event's headers. `K` names its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<K> {
    /// `ce_id`. With `source` it names the event.
    pub id: Uuid,
    /// `ce_type`.
    pub event_type: K,
    /// `ce_source`: the emitter, such as `/minuet/order`.
    pub source: Arc<str>,
    /// `ce_subject`: the event's key, such as an order id.
    pub subject: Arc<str>,
    /// `ce_time`: by the emitter's clock.
    pub time: Micros,
    /// `ce_correlationid`: shared by all events of one saga.
    pub correlation_id: Arc<str>,
    /// `ce_causationid`: the `ce_id` of the event that caused this one.
    pub causation_id: Option<Uuid>,
    /// `ce_sequence`: dense per (source, key) from 1, on events that left through an outbox.
    pub sequence: Option<i64>,
    /// `traceparent`, `tracestate` and `baggage`.
    pub trace: TraceContext,
}

/// Headers that break the contract. Names the header, never more of its value than a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A required header is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header's value is no text.
    #[error("the header {header} is not UTF-8")]
    NotUtf8 {
        /// The header's name.
        header: &'static str,
    },
    /// A header's value is one that the contract does not take.
    #[error("the header {header} is wrong: {}", .problem)]
    Invalid {
        /// The header's name.
        header: &'static str,
        /// What it takes, and what was found.
        problem: ValueError,
    },
    /// The contract has no such event.
    #[error("the header ce_type names no event of this contract: {found}")]
    UnknownType {
        /// The header's value, escaped and cut off.
        found: String,
    },
}

impl<K: EventKind> Envelope<K> {
    /// All headers of the contract; absent ones are left out.
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(13);
        self.each_header(|name, value| headers.push((name, value.to_owned())));
        headers
    }

    /// Shows what [`Envelope::to_headers`] holds, without holding it.
    pub fn each_header(&self, mut show: impl FnMut(&'static str, &str)) {
        let mut id = Uuid::encode_buffer();
        show(SPECVERSION, "1.0");
        show(ID, self.id.hyphenated().encode_lower(&mut id));
        show(TYPE, self.event_type.ce_type());
        show(SOURCE, &self.source);
        show(SUBJECT, &self.subject);
        show(TIME, &self.time.to_string());
        show(CORRELATION_ID, &self.correlation_id);
        if let Some(cause) = self.causation_id {
            show(CAUSATION_ID, cause.hyphenated().encode_lower(&mut id));
        }
        if let Some(sequence) = self.sequence {
            show(SEQUENCE, &sequence.to_string());
        }
        show(CONTENT_TYPE, AVRO);
        show(TRACEPARENT, &self.trace.traceparent);
        if let Some(state) = &self.trace.tracestate {
            show(TRACESTATE, state);
        }
        if let Some(baggage) = &self.trace.baggage {
            show(BAGGAGE, baggage);
        }
    }

    /// Reads the headers of a message, by name: see [`EnvelopeRef::read`].
    ///
    /// # Errors
    /// Names the first header that breaks the contract.
    pub fn from_headers<'a>(
        headers: impl Fn(&str) -> Option<&'a [u8]>,
        key: Option<&'a str>,
        kafka_time: Micros,
    ) -> Result<Self, EnvelopeError> {
        EnvelopeRef::read(&Headers::find(headers), key, kafka_time).map(|envelope| envelope.to_owned())
    }
}

/// An [`Envelope`] that borrows its text from the message: for a reader that looks at millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvelopeRef<'a, K> {
    /// `ce_id`.
    pub id: Uuid,
    /// `ce_type`.
    pub event_type: K,
    /// `ce_source`.
    pub source: &'a str,
    /// `ce_subject`.
    pub subject: &'a str,
    /// `ce_time`.
    pub time: Micros,
    /// `ce_correlationid`.
    pub correlation_id: &'a str,
    /// `ce_causationid`.
    pub causation_id: Option<Uuid>,
    /// `ce_sequence`.
    pub sequence: Option<i64>,
    traceparent: Option<&'a [u8]>,
    tracestate: Option<&'a [u8]>,
    baggage: Option<&'a [u8]>,
}

impl<'a, K: EventKind> EnvelopeRef<'a, K> {
    /// Reads the headers of a message, with its key and Kafka's own time.
    ///
    /// Anyone may write to an intake topic, with any client: only `ce_id`, `ce_source` and `ce_type` are required. A missing
    /// subject or correlation is the key, a missing time Kafka's, a missing or broken trace the one that
    /// [`TraceContext::derived`] begins. Every other header that is present must be valid.
    ///
    /// # Errors
    /// Names the first header that breaks the contract.
    pub fn read(
        headers: &Headers<'a>,
        key: Option<&'a str>,
        kafka_time: Micros,
    ) -> Result<Self, EnvelopeError> {
        let text = |header: &'static str, value: Option<Option<&'a [u8]>>| {
            let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| EnvelopeError::NotUtf8 { header });
            value.flatten().map(utf8).transpose()
        };
        let required = |header, value| text(header, value)?.ok_or(EnvelopeError::Missing(header));

        only(SPECVERSION, "1.0", text(SPECVERSION, headers.specversion)?)?;
        only(CONTENT_TYPE, AVRO, text(CONTENT_TYPE, headers.content_type)?)?;
        let id = uuid(ID, required(ID, headers.id)?)?;
        let source = name(SOURCE, required(SOURCE, headers.source)?)?;
        let ce_type = required(TYPE, headers.ce_type)?;
        let event_type =
            K::from_ce_type(ce_type).ok_or_else(|| EnvelopeError::UnknownType { found: excerpt(ce_type) })?;

        let subject = text(SUBJECT, headers.subject)?.or(key).ok_or(EnvelopeError::Missing(SUBJECT))?;
        let correlation_id = text(CORRELATION_ID, headers.correlation_id)?.or(key).unwrap_or(subject);
        let time = text(TIME, headers.time)?.map(|time| valid(TIME, Micros::parse(time))).transpose()?;
        let causation_id =
            text(CAUSATION_ID, headers.causation_id)?.map(|id| uuid(CAUSATION_ID, id)).transpose()?;
        let sequence = text(SEQUENCE, headers.sequence)?.map(count_from_1).transpose()?;
        let subject = name(SUBJECT, subject)?;
        if correlation_id != subject {
            name(CORRELATION_ID, correlation_id)?;
        }
        Ok(Self {
            id,
            event_type,
            source,
            subject,
            time: time.unwrap_or(kafka_time),
            correlation_id,
            causation_id,
            sequence,
            traceparent: headers.traceparent.flatten(),
            tracestate: headers.tracestate.flatten(),
            baggage: headers.baggage.flatten(),
        })
    }

    /// A broken trace disturbs readers of traces alone: a new trace begins, and the event is valid.
    pub fn trace(&self) -> TraceContext {
        let text = |value: Option<&'a [u8]>| std::str::from_utf8(value?).ok();
        text(self.traceparent)
            .and_then(|parent| TraceContext::parse(parent, text(self.tracestate), text(self.baggage)))
            .unwrap_or_else(|| TraceContext::derived(self.source, self.id))
    }

    /// The envelope with its own text.
    pub fn to_owned(&self) -> Envelope<K> {
        let subject: Arc<str> = self.subject.into();
        let correlation_id = match self.correlation_id == self.subject {
            true => Arc::clone(&subject),
            false => self.correlation_id.into(),
        };
        Envelope {
            id: self.id,
            event_type: self.event_type,
            source: self.source.into(),
            subject,
            time: self.time,
            correlation_id,
            causation_id: self.causation_id,
            sequence: self.sequence,
            trace: self.trace(),
        }
    }
}

fn valid<T>(header: &'static str, parsed: Result<T, ValueError>) -> Result<T, EnvelopeError> {
    parsed.map_err(|problem| EnvelopeError::Invalid { header, problem })
}

fn uuid(header: &'static str, value: &str) -> Result<Uuid, EnvelopeError> {
    valid(header, parse_uuid(header, value))
}

/// Text that ends in databases, logs and other headers.
fn name<'a>(header: &'static str, value: &'a str) -> Result<&'a str, EnvelopeError> {
    let fits = !value.is_empty() && value.len() <= MAX_NAME && !value.chars().any(char::is_control);
    let takes = "1 to 256 bytes, no control character";
    valid(header, if fits { Ok(value) } else { Err(ValueError::new(header, takes, value)) })
}

fn only(header: &'static str, takes: &'static str, found: Option<&str>) -> Result<(), EnvelopeError> {
    match found {
        Some(other) if other != takes => valid(header, Err(ValueError::new(header, takes, other))),
        Some(_) | None => Ok(()),
    }
}

fn count_from_1(value: &str) -> Result<i64, EnvelopeError> {
    let count = value.parse().ok().filter(|count| *count >= 1);
    valid(SEQUENCE, count.ok_or_else(|| ValueError::new(SEQUENCE, "a whole number from 1", value)))
}

fn excerpt(value: &str) -> String {
    ValueError::new(TYPE, "", value).found
}
