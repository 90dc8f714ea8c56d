//! A message's headers as its client holds them: bytes, nothing copied.

pub(crate) const SPECVERSION: &str = "ce_specversion";
pub(crate) const ID: &str = "ce_id";
pub(crate) const TYPE: &str = "ce_type";
pub(crate) const SOURCE: &str = "ce_source";
pub(crate) const SUBJECT: &str = "ce_subject";
pub(crate) const TIME: &str = "ce_time";
pub(crate) const CORRELATION_ID: &str = "ce_correlationid";
pub(crate) const CAUSATION_ID: &str = "ce_causationid";
pub(crate) const SEQUENCE: &str = "ce_sequence";
pub(crate) const CONTENT_TYPE: &str = "content-type";
pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// A header of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderField {
    /// The name.
    pub name: &'static str,
    /// Whether a message without the header is no event.
    pub is_required: bool,
    /// The header's meaning, and what stands for the header where a message has none.
    pub about: &'static str,
}

const fn required(name: &'static str, about: &'static str) -> HeaderField {
    HeaderField { name, is_required: true, about }
}

const fn optional(name: &'static str, about: &'static str) -> HeaderField {
    HeaderField { name, is_required: false, about }
}

/// Every header of the contract, in the order in which they are written.
pub const HEADERS: [HeaderField; 13] = [
    optional(SPECVERSION, "1.0, the version of CloudEvents."),
    required(ID, "A UUID. With ce_source it names the event: the same pair again is the same event again."),
    required(TYPE, "The full name of the record and the version of the contract."),
    required(SOURCE, "The emitter: 1 to 256 bytes, no control character."),
    optional(SUBJECT, "The message's key, which stands for the header where it is absent."),
    optional(
        TIME,
        "RFC 3339: when the event happened, by the emitter's clock. Not before 2020, and at most an hour after Kafka's time of the message, which stands for it.",
    ),
    optional(CORRELATION_ID, "Shared by all events of one saga. The key stands for it."),
    optional(CAUSATION_ID, "The ce_id of the event that caused this one: a UUID."),
    optional(
        SEQUENCE,
        "Whole numbers from 1 without gaps, for each ce_source and key, on events that a service's outbox sent.",
    ),
    optional(CONTENT_TYPE, "application/avro."),
    optional(TRACEPARENT, "W3C trace context. A new trace begins where it is absent or broken."),
    optional(TRACESTATE, "W3C trace context."),
    optional(BAGGAGE, "W3C baggage."),
];

/// The headers of the contract, borrowed from a message. Of several headers of one name the first counts; a header without
/// a value is as good as absent. Other headers are passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    pub(crate) specversion: Field<'a>,
    pub(crate) id: Field<'a>,
    pub(crate) ce_type: Field<'a>,
    pub(crate) source: Field<'a>,
    pub(crate) subject: Field<'a>,
    pub(crate) time: Field<'a>,
    pub(crate) correlation_id: Field<'a>,
    pub(crate) causation_id: Field<'a>,
    pub(crate) sequence: Field<'a>,
    pub(crate) content_type: Field<'a>,
    pub(crate) traceparent: Field<'a>,
    pub(crate) tracestate: Field<'a>,
    pub(crate) baggage: Field<'a>,
}

/// `None` until a header of that name was shown.
type Field<'a> = Option<Option<&'a [u8]>>;

impl<'a> Headers<'a> {
    /// Takes the next header of the message.
    pub fn add(&mut self, name: &str, value: Option<&'a [u8]>) {
        let field = match name {
            SPECVERSION => &mut self.specversion,
            ID => &mut self.id,
            TYPE => &mut self.ce_type,
            SOURCE => &mut self.source,
            SUBJECT => &mut self.subject,
            TIME => &mut self.time,
            CORRELATION_ID => &mut self.correlation_id,
            CAUSATION_ID => &mut self.causation_id,
            SEQUENCE => &mut self.sequence,
            CONTENT_TYPE => &mut self.content_type,
            TRACEPARENT => &mut self.traceparent,
            TRACESTATE => &mut self.tracestate,
            BAGGAGE => &mut self.baggage,
            _ => return,
        };
        field.get_or_insert(value);
    }

    /// Asks for each header of the contract by its name.
    pub fn find(find: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let mut headers = Self::default();
        for field in HEADERS {
            if let Some(value) = find(field.name) {
                headers.add(field.name, Some(value));
            }
        }
        headers
    }
}

impl<'a, N: AsRef<str>> FromIterator<(N, Option<&'a [u8]>)> for Headers<'a> {
    fn from_iter<I: IntoIterator<Item = (N, Option<&'a [u8]>)>>(all: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in all {
            headers.add(name.as_ref(), value);
        }
        headers
    }
}
