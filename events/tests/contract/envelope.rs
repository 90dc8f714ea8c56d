use std::collections::HashMap;

use minuet_events::values::Micros;
use minuet_events::{Envelope, EnvelopeError, EventType, TraceContext};
use uuid::Uuid;

use crate::samples;

const KEY: &str = "019ab3c4-0000-7000-8000-000000000001";
const KAFKA_TIME: Micros = Micros(1_764_000_000_000_000);

type Headers = HashMap<&'static str, Vec<u8>>;

fn full() -> Envelope {
    let trace =
        minuet_events::trace::with_order(&TraceContext::derived("/minuet/order", samples::EVENT), KEY);
    Envelope {
        id: samples::EVENT,
        event_type: EventType::OrderPlaced,
        source: "/minuet/order".into(),
        subject: KEY.into(),
        time: Micros(1_764_000_000_123_456),
        correlation_id: KEY.into(),
        causation_id: Some(Uuid::from_u128(7)),
        sequence: Some(1),
        trace: TraceContext { tracestate: Some("shop=1".into()), ..trace },
    }
}

fn headers(envelope: &Envelope) -> Headers {
    envelope.to_headers().into_iter().map(|(name, value)| (name, value.into_bytes())).collect()
}

/// What a stranger has to send, and no more.
fn required() -> Headers {
    let mut headers = headers(&full());
    headers.retain(|name, _| ["ce_id", "ce_source", "ce_type"].contains(name));
    headers
}

fn read(headers: &Headers) -> Result<Envelope, EnvelopeError> {
    Envelope::from_headers(|name| headers.get(name).map(Vec::as_slice), Some(KEY), KAFKA_TIME)
}

#[test]
fn all_headers_of_the_contract_come_back() {
    let names: Vec<&str> = full().to_headers().iter().map(|(name, _)| *name).collect();
    let contract = [
        "ce_specversion",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_subject",
        "ce_time",
        "ce_correlationid",
        "ce_causationid",
        "ce_sequence",
        "content-type",
        "traceparent",
        "tracestate",
        "baggage",
    ];
    assert_eq!(names, contract);
    assert_eq!(read(&headers(&full())), Ok(full()));
}

#[test]
fn what_is_absent_has_no_header() {
    let trace = TraceContext { tracestate: None, baggage: None, ..full().trace };
    let bare = Envelope { causation_id: None, sequence: None, trace, ..full() };
    assert_eq!(bare.to_headers().len(), 9);
    assert_eq!(read(&headers(&bare)), Ok(bare));
}

#[test]
fn three_headers_are_enough_and_the_key_and_kafka_fill_the_rest() {
    let envelope = read(&required()).unwrap();
    let expected = Envelope {
        time: KAFKA_TIME,
        causation_id: None,
        sequence: None,
        trace: TraceContext::derived("/minuet/order", samples::EVENT),
        ..full()
    };
    assert_eq!(envelope, expected);
}

#[test]
fn each_required_header_is_missed_by_name() {
    for name in ["ce_id", "ce_source", "ce_type"] {
        let mut headers = required();
        headers.remove(name);
        assert_eq!(read(&headers), Err(EnvelopeError::Missing(name)));
    }
    let headers = required();
    let keyless = Envelope::from_headers(|name| headers.get(name).map(Vec::as_slice), None, KAFKA_TIME);
    assert_eq!(keyless, Err(EnvelopeError::Missing("ce_subject")));
}

#[test]
fn without_a_key_the_subject_is_also_the_correlation() {
    let mut headers = required();
    headers.insert("ce_subject", b"MUG-1".to_vec());
    let read = Envelope::from_headers(|name| headers.get(name).map(Vec::as_slice), None, KAFKA_TIME).unwrap();
    assert_eq!((&*read.subject, &*read.correlation_id), ("MUG-1", "MUG-1"));
}

#[test]
fn an_odd_header_is_refused_by_name() {
    let long = "/".repeat(257);
    let cases: [(&'static str, &[u8]); 24] = [
        ("ce_id", b"7"),
        ("ce_id", b""),
        ("ce_id", b"{019ab3c4-d5e6-7f01-8203-040506070809}"),
        ("ce_source", b""),
        ("ce_source", b"/a\0b"),
        ("ce_source", long.as_bytes()),
        ("ce_type", b"minuet.orders.OrderPlaced"),
        ("ce_type", b"minuet.orders.OrderPlaced.v2"),
        ("ce_type", b"com.example.Other.v1"),
        ("ce_specversion", b"0.3"),
        ("ce_specversion", b""),
        ("content-type", b"application/json"),
        ("ce_subject", b""),
        ("ce_subject", long.as_bytes()),
        ("ce_time", b"yesterday"),
        ("ce_correlationid", b"\n"),
        ("ce_causationid", b"none"),
        ("ce_sequence", b"0"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", b"1.5"),
        ("ce_sequence", b"9223372036854775808"),
        ("ce_id", b"\xff"),
        ("ce_subject", b"\xff"),
        ("ce_time", b"\xff"),
    ];
    for (name, value) in cases {
        let mut headers = headers(&full());
        headers.insert(name, value.to_vec());
        let error = read(&headers).expect_err(&format!("{name}: {value:?}")).to_string();
        assert!(error.contains(name), "{name} is not named: {error}");
    }
}

#[test]
fn an_unknown_type_is_named_in_one_line() {
    let mut headers = required();
    headers.insert("ce_type", [b"com.example.Other\n".as_slice(), &[b'x'; 9_000]].concat());
    let error = read(&headers).unwrap_err().to_string();
    assert!(error.contains("com.example.Other") && error.len() < 200 && !error.contains('\n'), "{error}");
}

#[test]
fn a_broken_trace_begins_a_new_one() {
    for broken in [b"nonsense".as_slice(), b"\xff", b""] {
        let mut headers = headers(&full());
        headers.insert("traceparent", broken.to_vec());
        assert_eq!(read(&headers).unwrap().trace, TraceContext::derived("/minuet/order", samples::EVENT));
    }
    let mut headers = headers(&full());
    headers.insert("tracestate", b"\xff".to_vec());
    let trace = read(&headers).unwrap().trace;
    assert_eq!(trace, TraceContext { tracestate: None, ..full().trace });
}
