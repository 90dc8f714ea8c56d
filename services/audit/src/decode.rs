//! From a message to a record, or to the reason why it is none. As strict as the services are: what they would set aside
//! is odd here, too.

use minuet_events::values::Micros;
use minuet_events::{Codec, DecodeError, Event, EventType, ResolveError, Subject};
use minuet_messaging::Message;
use minuet_messaging::topics::Catalogue;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::record::{Head, Odd, Place, Record, Source, hash};

/// Whether these bytes are the event's key. A parked message may have any key.
fn is_key(subject: Subject<'_>, key: &[u8]) -> bool {
    match subject {
        Subject::Order(order) => {
            order.as_uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes() == key
        }
        Subject::Sku(sku) => sku.as_str().as_bytes() == key,
        Subject::Parked(_) => true,
    }
}

/// What a message may hold that is right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Event(Box<Record>),
    /// A null value on a compacted topic: what the key names is gone.
    Erased {
        place: Place,
        key: String,
    },
}

pub(crate) struct Decoder<'a> {
    pub(crate) codec: &'a Codec,
    pub(crate) catalogue: &'a Catalogue<minuet_events::EventType>,
    pub(crate) runtime: &'a Handle,
}

#[derive(Default)]
struct Headers<'a> {
    specversion: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    ce_type: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    subject: Option<&'a [u8]>,
    time: Option<&'a [u8]>,
    cause: Option<&'a [u8]>,
    sequence: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// Of several headers of one name the first counts.
    fn take(&mut self, name: &str, value: Option<&'a [u8]>) {
        let field = match name {
            "ce_id" => &mut self.id,
            "ce_type" => &mut self.ce_type,
            "ce_source" => &mut self.source,
            "ce_subject" => &mut self.subject,
            "ce_time" => &mut self.time,
            "ce_causationid" => &mut self.cause,
            "ce_sequence" => &mut self.sequence,
            "ce_specversion" => &mut self.specversion,
            "content-type" => &mut self.content_type,
            _ => return,
        };
        *field = field.or(value);
    }
}

type Refused = (&'static str, String);

impl Decoder<'_> {
    /// `topic` is its name without the prefix. The outer error only when the registry is away: then nothing can be said.
    pub(crate) fn decode(
        &self,
        message: &Message<'_>,
        place: Place,
        topic: &str,
    ) -> Result<Result<Content, Odd>, ResolveError> {
        let read = self.read(message, place, topic)?;
        Ok(read.map_err(|(code, detail)| Odd { place, code, detail }))
    }

    fn read(
        &self,
        message: &Message<'_>,
        place: Place,
        topic: &str,
    ) -> Result<Result<Content, Refused>, ResolveError> {
        let Some(key) = message.key() else { return Ok(Err(("key", "the message has no key".to_owned()))) };
        let Some(payload) = message.payload() else {
            let erased = match str::from_utf8(key) {
                Ok(key) if self.catalogue.is_compacted(topic) => {
                    Ok(Content::Erased { place, key: key.to_owned() })
                }
                _ => Err(("empty_body", "the message has no value".to_owned())),
            };
            return Ok(erased);
        };
        let mut headers = Headers::default();
        if !message.headers(|name, value| headers.take(name, value)) {
            return Ok(Err(("headers", "a header's name is no UTF-8".to_owned())));
        }
        let event = match self.event(payload)? {
            Ok(event) => event,
            Err(refused) => return Ok(Err(refused)),
        };
        let event_type = event.event_type();
        if headers.ce_type != Some(event_type.ce_type().as_bytes()) {
            return Ok(Err(wrong_type(headers.ce_type, event_type)));
        }
        if !self.catalogue.allowed(topic, event_type) {
            return Ok(Err(("wrong_record", format!("{event_type} does not belong on {topic}"))));
        }
        if !is_key(event.subject(), key) {
            let key = String::from_utf8_lossy(key);
            return Ok(Err(("key", format!("the key is {key:?}, the event is about {:?}", event.key()))));
        }
        let head = head(&headers, key, place, event_type, message.timestamp(), hash(payload));
        Ok(head.map(|head| Content::Event(Box::new(Record { head, event }))))
    }

    fn event(&self, payload: &[u8]) -> Result<Result<Event, Refused>, ResolveError> {
        loop {
            let id = match self.codec.decode(payload) {
                Ok(event) => return Ok(Ok(event)),
                Err(DecodeError::UnknownSchema { id }) => id,
                Err(error @ DecodeError::Empty) => return Ok(Err(("empty_body", error.to_string()))),
                Err(error @ DecodeError::UnknownRecord { .. }) => {
                    return Ok(Err(("wrong_record", error.to_string())));
                }
                Err(error) => return Ok(Err(("undecodable", error.to_string()))),
            };
            match self.runtime.block_on(self.codec.resolve(id)) {
                Ok(()) => {}
                Err(error @ ResolveError::Unavailable { .. }) => return Err(error),
                Err(error) => return Ok(Err(("unknown_schema", error.to_string()))),
            }
        }
    }
}

fn wrong_type(said: Option<&[u8]>, held: EventType) -> Refused {
    match said {
        None => ("headers", "the header ce_type is missing".to_owned()),
        Some(said) => {
            let said = String::from_utf8_lossy(&said[..said.len().min(80)]);
            ("wrong_record", format!("ce_type says {said:?}, the payload is {}", held.record_name()))
        }
    }
}

fn head(
    headers: &Headers<'_>,
    key: &[u8],
    place: Place,
    event_type: EventType,
    kafka_time: Micros,
    payload: u64,
) -> Result<Head, Refused> {
    let wrong = |header: &str| ("headers", format!("the header {header} is missing or wrong"));
    if headers.specversion.is_some_and(|found| found != b"1.0") {
        return Err(wrong("ce_specversion"));
    }
    if headers.content_type.is_some_and(|found| found != b"application/avro") {
        return Err(wrong("content-type"));
    }
    if headers.subject.is_some_and(|subject| subject != key) {
        return Err(("headers", "ce_subject is not the message's key".to_owned()));
    }
    let source = headers.source.and_then(|source| str::from_utf8(source).ok());
    let source = source.filter(|source| !source.is_empty()).ok_or_else(|| wrong("ce_source"))?;
    let cause = headers.cause.map(|cause| uuid(cause).ok_or_else(|| wrong("ce_causationid"))).transpose()?;
    let sequence = headers.sequence.map(|n| count(n).ok_or_else(|| wrong("ce_sequence"))).transpose()?;
    let time = headers.time.map(|time| micros(time).ok_or_else(|| wrong("ce_time"))).transpose()?;
    Ok(Head {
        place,
        id: headers.id.and_then(uuid).ok_or_else(|| wrong("ce_id"))?,
        event_type,
        source: Source::of(source),
        time: time.unwrap_or(kafka_time),
        cause,
        sequence,
        payload,
    })
}

fn uuid(text: &[u8]) -> Option<Uuid> {
    if text.len() == uuid::fmt::Hyphenated::LENGTH { Uuid::try_parse_ascii(text).ok() } else { None }
}

fn count(text: &[u8]) -> Option<i64> {
    str::from_utf8(text).ok()?.parse().ok().filter(|count| *count >= 1)
}

/// The form that our own programs write is read by hand: it is on every event, and parsing RFC 3339 whole costs more than
/// everything else about the headers.
fn micros(text: &[u8]) -> Option<Micros> {
    ours(text).or_else(|| Micros::parse(str::from_utf8(text).ok()?).ok())
}

/// `2026-11-23T08:15:00.123456Z`
fn ours(text: &[u8]) -> Option<Micros> {
    let text: &[u8; 27] = text.try_into().ok()?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    if marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i64, |value, b| b.is_ascii_digit().then(|| value * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..10])?);
    let (hour, minute, second) = (number(&text[11..13])?, number(&text[14..16])?, number(&text[17..19])?);
    // What is not on every calendar goes the long way.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970 of the proleptic Gregorian calendar, with years that begin in March.
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(Micros(seconds * 1_000_000 + number(&text[20..26])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_contract_reads_them() {
        for text in [
            "1970-01-01T00:00:00.000000Z",
            "2026-11-23T08:15:00.123456Z",
            "2024-02-28T23:59:59.999999Z",
            "2000-03-01T00:00:00.000001Z",
            "1969-12-28T23:00:00.500000Z",
        ] {
            assert_eq!(ours(text.as_bytes()), Micros::parse(text).ok(), "{text}");
        }
        for text in ["2024-02-29T12:00:00.000000Z", "2026-11-23T08:15:00Z", "2026-11-23T08:15:00+01:00"] {
            assert_eq!(ours(text.as_bytes()), None, "{text} goes the long way");
            assert_eq!(micros(text.as_bytes()), Micros::parse(text).ok(), "{text}");
        }
        assert_eq!(micros(b"yesterday"), None);
    }
}
