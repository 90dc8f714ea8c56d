//! Encoded bytes, kept: what was written once is read for ever, and what is written now is what others expect.
//!
//! One line of hex per sample of a record. A line that changes is a change of the contract; a new record's file
//! is written by running this test with `GOLDEN=write`.

use std::fs;
use std::path::PathBuf;

use minuet_events::orders::{OrderFailed, OrderRejected};
use minuet_events::{Codec, Event, EventType};

use crate::registry_stub::RegistryStub;
use crate::samples;

fn file(event_type: EventType) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{event_type}.hex"))
}

fn samples_of(event_type: EventType) -> Vec<Event> {
    samples::all().into_iter().filter(|event| event.event_type() == event_type).collect()
}

#[test]
fn every_record_encodes_to_its_golden_bytes_and_they_decode_to_it() {
    let codec = Codec::local();
    for &event_type in EventType::ALL {
        let samples = samples_of(event_type);
        assert!(!samples.is_empty(), "{event_type} has no sample");
        if std::env::var_os("GOLDEN").is_some_and(|mode| mode == "write") {
            let lines: Vec<String> =
                samples.iter().map(|event| hex::encode(codec.encode(event).unwrap()) + "\n").collect();
            fs::write(file(event_type), lines.concat()).unwrap();
        }
        let golden = fs::read_to_string(file(event_type)).unwrap_or_default();
        let lines: Vec<&str> = golden.lines().collect();
        assert_eq!(lines.len(), samples.len(), "{} has a line per sample", file(event_type).display());
        for (sample, line) in samples.iter().zip(lines) {
            assert_eq!(hex::encode(codec.encode(sample).unwrap()), line, "{event_type} encodes differently");
            assert_eq!(
                codec.decode(&hex::decode(line).unwrap()).unwrap(),
                *sample,
                "{event_type} decodes differently"
            );
        }
    }
}

/// `golden/before`: schemas and bytes of earlier releases. What was added since is absent.
#[tokio::test]
async fn what_earlier_releases_wrote_is_read_for_ever() {
    let registry = RegistryStub::start();
    let codec = Codec::register(&registry.url()).await.unwrap();
    let changed = [
        EventType::OrderSubmitted,
        EventType::OrderRejected,
        EventType::OrderFailed,
        EventType::OrderPlaced,
        EventType::OrderCancelled,
        EventType::InventoryReserved,
        EventType::RefundRequested,
        EventType::PaymentRefunded,
    ];
    for (id, event_type) in (800..).zip(changed) {
        let before = |extension: &str| {
            let name = format!("tests/golden/before/{event_type}.{extension}");
            fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
        };
        registry.register(id, &before("avsc"));
        codec.resolve(id).await.unwrap();
        let mut decoded = Vec::new();
        for line in before("hex").lines() {
            let mut bytes = hex::decode(line).unwrap();
            bytes[1..5].copy_from_slice(&id.to_be_bytes());
            decoded.push(codec.decode(&bytes).unwrap());
        }
        let mut expected: Vec<Event> = samples_of(event_type);
        for event in &mut expected {
            match event {
                Event::OrderRejected(OrderRejected { problems, .. })
                | Event::OrderFailed(OrderFailed { problems, .. }) => {
                    problems.retain(|problem| problem.expected_total.is_none());
                }
                _ => {}
            }
        }
        expected.retain(|event| !is_newer(event));
        assert_eq!(decoded, expected, "{event_type}");
    }
}

/// A sample with a field that earlier releases did not have.
fn is_newer(event: &Event) -> bool {
    match event {
        Event::OrderSubmitted(e) => e.expected_total.is_some() || e.payment_token.is_some(),
        Event::OrderPlaced(e) => e.payment_token.is_some(),
        Event::OrderCancelled(e) => e.return_stock.is_some(),
        Event::InventoryReserved(e) => e.payment_token.is_some(),
        Event::RefundRequested(e) => e.amount.is_some() || e.return_stock.is_some(),
        Event::PaymentRefunded(e) => e.remaining.is_some() || e.return_stock.is_some(),
        _ => false,
    }
}
