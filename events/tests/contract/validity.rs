//! The one rule for which message is an event.

use minuet_envelope::validity::{
    self, Checked, EARLIEST_TIME, EventError, MAX_TIME_AHEAD, RawMessage, TopicRules,
};
use minuet_envelope::{Headers, ParkReason};
use minuet_events::values::Micros;
use minuet_events::{Codec, Envelope, Event, EventType, TraceContext};
use time::Duration;

use crate::samples;

const MICROSECOND: Duration = Duration::MICROSECOND;

const KAFKA_TIME: Micros = Micros(1_764_000_000_000_000);

/// A message in the test's hands.
#[derive(Clone)]
struct Sent {
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(&'static str, Option<Vec<u8>>)>,
    /// Kafka's.
    time: Micros,
}

impl Sent {
    fn of(event: &Event) -> Sent {
        let key = event.key();
        let envelope = Envelope {
            id: samples::EVENT,
            event_type: event.event_type(),
            source: "/test".into(),
            subject: key.as_str().into(),
            time: KAFKA_TIME,
            correlation_id: key.as_str().into(),
            causation_id: None,
            sequence: Some(1),
            trace: TraceContext::derived("/test", samples::EVENT),
        };
        let headers = envelope.to_headers().into_iter().map(|(name, value)| (name, Some(value.into_bytes())));
        let payload = Some(Codec::local().encode(event).unwrap());
        Sent { key: Some(key.into_bytes()), payload, headers: headers.collect(), time: KAFKA_TIME }
    }

    fn at(self, time: Micros) -> Sent {
        Sent { time, ..self }
    }

    fn without(mut self, header: &str) -> Sent {
        self.headers.retain(|(name, _)| *name != header);
        self
    }

    fn with(self, header: &'static str, value: impl Into<Vec<u8>>) -> Sent {
        let mut sent = self.without(header);
        sent.headers.push((header, Some(value.into())));
        sent
    }

    /// What came of it on a topic that takes these records: the event, or its key where that was erased.
    fn read(
        &self,
        records: &[EventType],
        is_compacted: bool,
    ) -> Result<Result<Event, String>, (ParkReason, String)> {
        let headers: Headers<'_> =
            self.headers.iter().map(|(name, value)| (name, value.as_deref())).collect();
        let (key, payload) = (self.key.as_deref(), self.payload.as_deref());
        let message = RawMessage { key, payload, headers: Some(headers), time: self.time };
        let checked = validity::check(&message, &TopicRules { name: "a.topic", records, is_compacted });
        let message = match checked.map_err(|invalid| (invalid.reason, invalid.detail))? {
            Checked::Event(message) => message,
            Checked::Tombstone { key } => return Ok(Err(key.to_owned())),
        };
        message.event(&Codec::local()).map(Ok).map_err(|error| match error {
            EventError::Invalid(invalid) => (invalid.reason, invalid.detail),
            EventError::UnknownSchema { id } => (ParkReason::UnknownSchema, id.to_string()),
        })
    }
}

fn submitted() -> Event {
    let is_submitted = |event: &Event| event.event_type() == EventType::OrderSubmitted;
    samples::all().into_iter().find(is_submitted).unwrap()
}

#[test]
fn every_event_passes_on_its_topic() {
    // A message without a key is announced under an id: see below.
    for event in samples::all().into_iter().filter(|event| !event.key().is_empty()) {
        let read = Sent::of(&event).read(&[event.event_type()], false);
        assert_eq!(read, Ok(Ok(event.clone())), "{}", event.event_type());
    }
}

#[test]
fn each_thing_that_is_wrong_has_its_reason() {
    let good = Sent::of(&submitted());
    let other =
        samples::all().into_iter().find(|event| event.event_type() == EventType::StockAdjusted).unwrap();
    let mut unknown = good.clone();
    unknown.payload.as_mut().unwrap()[1..5].copy_from_slice(&99_u32.to_be_bytes());
    let mut cut = good.clone();
    cut.payload.as_mut().unwrap().pop();
    let order = "019ab3c4-0000-7000-8000-0000000000ff";
    let cases: Vec<(ParkReason, &str, Sent)> = vec![
        (ParkReason::Key, "no key", Sent { key: None, ..good.clone() }),
        (ParkReason::Key, "not UTF-8", Sent { key: Some(vec![0xff]), ..good.clone() }),
        (ParkReason::Key, order, Sent { key: Some(order.into()), ..good.clone() }),
        (ParkReason::EmptyBody, "no value", Sent { payload: None, ..good.clone() }),
        (ParkReason::EmptyBody, "empty", Sent { payload: Some(Vec::new()), ..good.clone() }),
        (ParkReason::Headers, "ce_id is missing", good.clone().without("ce_id")),
        (ParkReason::Headers, "ce_type is missing", good.clone().without("ce_type")),
        (ParkReason::Headers, "ce_source is missing", good.clone().without("ce_source")),
        (ParkReason::Headers, "ce_id", good.clone().with("ce_id", "17")),
        (ParkReason::Headers, "ce_source", good.clone().with("ce_source", "")),
        (ParkReason::Headers, "ce_source", good.clone().with("ce_source", "s".repeat(257))),
        (ParkReason::Headers, "ce_source", good.clone().with("ce_source", "a\nb")),
        (ParkReason::Headers, "ce_source is not UTF-8", good.clone().with("ce_source", [0xff])),
        (ParkReason::Headers, "ce_correlationid", good.clone().with("ce_correlationid", "")),
        (ParkReason::Headers, "ce_correlationid", good.clone().with("ce_correlationid", "a\0b")),
        (ParkReason::Headers, "ce_causationid", good.clone().with("ce_causationid", "x")),
        (ParkReason::Headers, "ce_sequence", good.clone().with("ce_sequence", "0")),
        (ParkReason::Headers, "ce_time", good.clone().with("ce_time", "yesterday")),
        (ParkReason::Headers, "ce_specversion", good.clone().with("ce_specversion", "0.3")),
        (ParkReason::Headers, "content-type", good.clone().with("content-type", "text/plain")),
        (ParkReason::Headers, "Nonsense", good.clone().with("ce_type", "minuet.orders.Nonsense.v1")),
        (ParkReason::Headers, "ce_subject", good.clone().with("ce_subject", order)),
        (ParkReason::WrongRecord, "a.topic", Sent::of(&other)),
        (ParkReason::WrongRecord, "ce_type says", Sent { payload: Sent::of(&other).payload, ..good.clone() }),
        (ParkReason::UnknownSchema, "99", unknown),
        (ParkReason::Undecodable, "OrderSubmitted", cut),
        (ParkReason::Undecodable, "Confluent", Sent { payload: Some(b"{}".to_vec()), ..good.clone() }),
    ];
    for (reason, said, sent) in cases {
        let (found, detail) = sent.read(&[EventType::OrderSubmitted], false).unwrap_err();
        assert!(found == reason && detail.contains(said), "{reason} with {said}: {found}: {detail}");
    }
    assert!(good.read(&[EventType::OrderSubmitted], false).is_ok());
}

#[test]
fn a_time_that_no_right_clock_gives_is_absurd() {
    let good = Sent::of(&submitted());
    let at = |text: &str| good.clone().with("ce_time", text);
    let (near, far) = (KAFKA_TIME.plus(MAX_TIME_AHEAD), KAFKA_TIME.plus(MAX_TIME_AHEAD).plus(MICROSECOND));
    let before = EARLIEST_TIME.plus(-MICROSECOND);
    let erased = Sent { payload: None, headers: Vec::new(), ..good.clone() };
    let read = |sent: &Sent| sent.read(&[EventType::OrderSubmitted], true).map(drop);
    for (said, sent) in [
        ("ce_time is 2099-01-01", at("2099-01-01T00:00:00Z")),
        ("ce_time is 9999-12-31", at("9999-12-31T23:59:59Z")),
        ("over an hour after", at(&far.to_string())),
        ("ce_time is 1970-01-01", at("1970-01-01T00:00:00Z")),
        ("before 2020-01-01", at(&before.to_string())),
        // Without a time Kafka's is the event's, and a tombstone has no other.
        ("Kafka's time of the message is 1970", good.clone().without("ce_time").at(Micros(0))),
        ("Kafka's time of the message is 1970", erased.clone().at(Micros(0))),
    ] {
        let (reason, detail) = read(&sent).unwrap_err();
        assert!(reason == ParkReason::AbsurdTime && detail.contains(said), "{said}: {reason}: {detail}");
    }
    for right in [at(&near.to_string()), at(&EARLIEST_TIME.to_string()), at("2020-02-29T00:00:00Z"), erased] {
        assert_eq!(read(&right), Ok(()));
    }
    // Read, copied or replayed years later, the message is as valid as it was.
    assert_eq!(read(&good.at(KAFKA_TIME.plus(Duration::days(4_000)))), Ok(()));
}

#[test]
fn a_null_value_erases_its_key_on_a_compacted_topic_alone() {
    let erased = Sent { key: Some(b"TEA-1".to_vec()), payload: None, headers: Vec::new(), time: KAFKA_TIME };
    assert_eq!(erased.read(&[EventType::ProductChanged], true), Ok(Err("TEA-1".to_owned())));
    let (reason, _) = erased.read(&[EventType::ProductChanged], false).unwrap_err();
    assert_eq!(reason, ParkReason::EmptyBody);
}

/// The announcement of a parked message bears the key that a header can bear, whatever the message's own key was.
#[test]
fn a_parked_message_may_have_had_any_key() {
    let parked =
        samples::all().into_iter().find(|event| event.event_type() == EventType::EventParked).unwrap();
    let key = "019ab3c4-0000-7000-8000-0000000000ff";
    let sent = Sent { key: Some(key.into()), ..Sent::of(&parked).with("ce_subject", key) };
    assert!(sent.read(&[EventType::EventParked], false).is_ok());
}

#[test]
fn of_several_headers_of_one_name_the_first_counts() {
    let good = Sent::of(&submitted());
    let mut twice = good.clone();
    twice.headers.push(("ce_source", Some(b"a\nb".to_vec())));
    assert!(twice.read(&[EventType::OrderSubmitted], false).is_ok());
    let mut null_first = good;
    null_first.headers.insert(0, ("ce_source", None));
    let (reason, detail) = null_first.read(&[EventType::OrderSubmitted], false).unwrap_err();
    assert!(reason == ParkReason::Headers && detail.contains("ce_source is missing"), "{detail}");
}

#[test]
fn codes_are_stable_and_name_one_reason_each() {
    for reason in ParkReason::ALL {
        assert_eq!(ParkReason::from_code(reason.code()), Some(*reason));
    }
    assert_eq!(ParkReason::from_code("nonsense"), None);
}
