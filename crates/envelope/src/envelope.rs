//! CloudEvents 1.0 in Kafka's binary mode: everything about an event that is not its record.

use std::sync::Arc;

use uuid::Uuid;

use crate::{EventKind, Micros, TraceContext, ValueError, parse_uuid};

const SPECVERSION: &str = "ce_specversion";
const ID: &str = "ce_id";
const TYPE: &str = "ce_type";
const SOURCE: &str = "ce_source";
const SUBJECT: &str = "ce_subject";
const TIME: &str = "ce_time";
const CORRELATION_ID: &str = "ce_correlationid";
const CAUSATION_ID: &str = "ce_causationid";
const SEQUENCE: &str = "ce_sequence";
const CONTENT_TYPE: &str = "content-type";
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

const AVRO: &str = "application/avro";
const MAX_NAME: usize = 256;

const NAMES: [&str; 13] = [
    SPECVERSION,
    ID,
    TYPE,
    SOURCE,
    SUBJECT,
    TIME,
    CORRELATION_ID,
    CAUSATION_ID,
    SEQUENCE,
    CONTENT_TYPE,
    TRACEPARENT,
    TRACESTATE,
    BAGGAGE,
];

/// The contract's own copy of a header's name, if it has one.
pub fn known_name(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
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

    /// Reads the headers of a message, by name, with its key and Kafka's own time.
    ///
    /// Anyone may write to an intake topic, with any client: only `ce_id`, `ce_source` and `ce_type` are required. A missing
    /// subject or correlation is the key, a missing time Kafka's, a missing or broken trace the one that
    /// [`TraceContext::derived`] begins. Every other header that is present must be valid.
    ///
    /// # Errors
    /// Names the first header that breaks the contract.
    pub fn from_headers<'a>(
        headers: impl Fn(&str) -> Option<&'a [u8]>,
        key: Option<&str>,
        kafka_time: Micros,
    ) -> Result<Self, EnvelopeError> {
        let text = |header: &'static str| {
            let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| EnvelopeError::NotUtf8 { header });
            headers(header).map(utf8).transpose()
        };
        let required = |header| text(header)?.ok_or(EnvelopeError::Missing(header));

        only(SPECVERSION, "1.0", text(SPECVERSION)?)?;
        only(CONTENT_TYPE, AVRO, text(CONTENT_TYPE)?)?;
        let id = uuid(ID, required(ID)?)?;
        let source: Arc<str> = name(SOURCE, required(SOURCE)?)?;
        let ce_type = required(TYPE)?;
        let event_type =
            K::from_ce_type(ce_type).ok_or_else(|| EnvelopeError::UnknownType { found: excerpt(ce_type) })?;

        let subject = text(SUBJECT)?.or(key).ok_or(EnvelopeError::Missing(SUBJECT))?;
        let correlation_id = text(CORRELATION_ID)?.or(key).unwrap_or(subject);
        let time = text(TIME)?.map(|time| valid(TIME, Micros::parse(time))).transpose()?;
        let causation_id = text(CAUSATION_ID)?.map(|id| uuid(CAUSATION_ID, id)).transpose()?;
        let sequence = text(SEQUENCE)?.map(count_from_1).transpose()?;
        // A broken trace is a nuisance to whoever reads traces, and no reason to stop an order.
        let optional = |header| text(header).unwrap_or_default();
        let trace = optional(TRACEPARENT)
            .and_then(|parent| TraceContext::parse(parent, optional(TRACESTATE), optional(BAGGAGE)))
            .unwrap_or_else(|| TraceContext::derived(&source, id));

        let of_subject = name(SUBJECT, subject)?;
        let correlation_id = match correlation_id == subject {
            true => Arc::clone(&of_subject),
            false => name(CORRELATION_ID, correlation_id)?,
        };
        Ok(Self {
            id,
            event_type,
            source,
            subject: of_subject,
            time: time.unwrap_or(kafka_time),
            correlation_id,
            causation_id,
            sequence,
            trace,
        })
    }
}

fn valid<T>(header: &'static str, parsed: Result<T, ValueError>) -> Result<T, EnvelopeError> {
    parsed.map_err(|problem| EnvelopeError::Invalid { header, problem })
}

fn uuid(header: &'static str, value: &str) -> Result<Uuid, EnvelopeError> {
    valid(header, parse_uuid(header, value))
}

/// Text that ends in databases, logs and other headers.
fn name(header: &'static str, value: &str) -> Result<Arc<str>, EnvelopeError> {
    let fits = !value.is_empty() && value.len() <= MAX_NAME && !value.chars().any(char::is_control);
    let takes = "1 to 256 bytes, no control character";
    valid(header, if fits { Ok(value.into()) } else { Err(ValueError::new(header, takes, value)) })
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
