use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use minuet_events::values::Micros;
use minuet_events::{Envelope, Event, EventType, HEADERS};
use serde_yaml_ng::Value;

use super::*;

fn shop() -> Shop {
    Shop::embedded().expect("topics.yaml")
}

fn parsed(application: Option<&str>) -> Value {
    let text = asyncapi::document(&shop(), application).expect("a document");
    serde_yaml_ng::from_str(&text).expect("YAML")
}

fn every_document() -> Vec<(String, Value)> {
    let names = applications::names(&shop());
    let each = names.into_iter().map(|name| (name.clone(), parsed(Some(&name))));
    std::iter::once(("shop".to_owned(), parsed(None))).chain(each).collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    let keys = value.as_mapping().expect("a mapping").keys();
    keys.map(|key| key.as_str().expect("text").to_owned()).collect()
}

fn of<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn the_files_in_the_repository_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api");
    let expected = files(&shop()).expect("the files");
    for (name, text) in &expected {
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(found == *text, "docs/api/{name} is out of date: run `make generate`");
    }
    let found = fs::read_dir(&folder).expect("docs/api").map(|entry| entry.expect("an entry").file_name());
    let found: BTreeSet<String> = found.map(|name| name.into_string().expect("UTF-8")).collect();
    let expected: BTreeSet<String> = expected.into_iter().map(|(name, _)| name).collect();
    let stale: Vec<_> = found.difference(&expected).collect();
    assert!(stale.is_empty(), "docs/api has files that nothing generates: {stale:?}");
}

#[test]
fn each_event_is_shown_with_all_that_a_stranger_needs() {
    let shop = shop();
    for &event in EventType::ALL {
        let text = page::alone(&shop, event).expect("a page");
        let schema = avro::parsed(event.schema_json()).expect("a schema");
        let fields = avro::fields(&schema).into_iter().map(|field| {
            assert_ne!(field.doc, "", "{event}: the field {} has no doc", field.path);
            assert_ne!(field.shape, "", "{event}: the field {} has no type", field.path);
            field.path
        });
        let topics = shop.topics(event).map(|topic| topic.name.clone());
        let headers = HEADERS.into_iter().map(|field| field.name.to_owned());
        let others = [event.ce_type(), event.record_name(), "key: ", "emitted by: ", "asks for: "];
        let readers = shop.saga.readers(event).map(str::to_owned);
        for said in fields.chain(topics).chain(headers).chain(readers).chain(others.map(str::to_owned)) {
            assert!(text.contains(&said), "{event}: `{said}` is missing in:\n{text}");
        }
        assert!(shop.topics(event).next().is_some(), "{event} has no topic");
    }
}

#[test]
fn each_example_is_a_line_that_produce_takes() {
    for &event_type in EventType::ALL {
        let text = event_type.example_json();
        assert_eq!(text.trim_end().lines().count(), 1, "{event_type}: an example is one line");
        crate::produce::check_line(event_type, text.trim_end().as_bytes())
            .unwrap_or_else(|error| panic!("{event_type}: {error}"));
        // In the order of the schema, and whole: a reader learns every field.
        let example: Value = serde_yaml_ng::from_str(text).expect("JSON");
        let fields = avro::fields(&avro::parsed(event_type.schema_json()).expect("a schema"));
        let top: Vec<&str> = fields
            .iter()
            .map(|field| field.path.as_str())
            .filter(|path| !path.contains(['.', '[']))
            .collect();
        let found: Vec<&str> =
            example.as_mapping().expect("an object").keys().filter_map(Value::as_str).collect();
        assert_eq!(found, top, "{event_type}");
    }
}

#[test]
fn the_examples_tell_of_one_order_and_its_payment() {
    let order = event_of(EventType::OrderSubmitted).subject().order().expect("an order");
    for &event_type in EventType::ALL {
        let event = event_of(event_type);
        assert_eq!(event.subject().order().unwrap_or(order), order, "{event_type}");
        match event {
            Event::PaymentSucceeded(e) => assert_eq!(e.payment_id, minuet_events::ids::payment_id(order)),
            Event::PaymentFailed(e) => assert_eq!(e.payment_id, minuet_events::ids::payment_id(order)),
            Event::PaymentRefunded(e) => {
                assert_eq!(e.payment_id, minuet_events::ids::payment_id(order));
                assert_eq!(e.refund_id, minuet_events::ids::refund_id(e.payment_id));
            }
            _ => {}
        }
    }
}

fn event_of(event_type: EventType) -> Event {
    let text = event_type.example_json();
    event_type
        .deserialize(&mut serde_json::Deserializer::from_str(text))
        .unwrap_or_else(|error| panic!("{event_type}: {error}"))
}

#[test]
fn required_headers_are_those_without_which_a_message_is_refused() {
    let all = [
        ("ce_specversion", "1.0"),
        ("ce_id", "0190a0a0-0000-7000-8000-0000000000ff"),
        ("ce_type", "minuet.orders.OrderConfirmed.v1"),
        ("ce_source", "/somebody/else"),
        ("ce_subject", "key"),
        ("ce_time", "2026-12-01T00:00:00Z"),
        ("ce_correlationid", "key"),
        ("ce_causationid", "0190a0a0-0000-7000-8000-0000000000fe"),
        ("ce_sequence", "1"),
        ("content-type", "application/avro"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
        ("baggage", "a=b"),
    ];
    assert_eq!(HEADERS.map(|field| field.name), all.map(|(name, _)| name));
    let now = Micros::parse("2026-12-01T00:00:00Z").expect("a time");
    for left_out in HEADERS {
        let find = |name: &str| {
            all.iter()
                .find(|(known, _)| *known == name && name != left_out.name)
                .map(|(_, value)| value.as_bytes())
        };
        let read = Envelope::from_headers(find, Some("key"), now);
        assert_eq!(read.is_err(), left_out.is_required, "{}: {read:?}", left_out.name);
    }
}

#[test]
fn each_reference_leads_somewhere() {
    for (name, document) in every_document() {
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            if let Some(to) = value.get("$ref").and_then(Value::as_str) {
                let path = to.strip_prefix("#/").expect("a reference within the document");
                let found = path.split('/').try_fold(&document, |at, step| at.get(step));
                assert!(found.is_some(), "{name}: {to} leads nowhere");
            }
            match value {
                Value::Mapping(entries) => open.extend(entries.values()),
                Value::Sequence(entries) => open.extend(entries),
                _ => {}
            }
        }
    }
}

#[test]
fn the_shop_has_each_event_and_receives_only_what_any_program_may_write() {
    let shop = shop();
    let document = parsed(None);
    let names: BTreeSet<String> = EventType::ALL.iter().map(|event| event.name().to_owned()).collect();
    assert_eq!(keys(&document["components"]["messages"]), names);
    for (id, operation) in document["operations"].as_mapping().expect("operations") {
        let channel = operation["channel"]["$ref"].as_str().expect("a channel");
        let topic = shop.catalogue.topic(channel.trim_start_matches("#/channels/")).expect("a topic");
        assert_eq!(operation["action"] == "receive", topic.is_intake(), "{id:?}");
    }
}

#[test]
fn an_application_sends_and_receives_what_its_table_says() {
    let shop = shop();
    for participant in &shop.saga.participants {
        let document = parsed(Some(participant.service));
        let emitted = EventType::ALL.iter().filter(|event| participant.emits(**event));
        let sends = emitted.chain([&EventType::EventParked]).map(|event| format!("send.{event}"));
        let receives = participant.consumed().into_iter().map(|event| format!("receive.{event}"));
        let expected: BTreeSet<String> = sends.chain(receives).collect();
        assert_eq!(keys(&document["operations"]), expected, "{}", participant.service);
    }
    assert_eq!(
        keys(&parsed(Some("gateway"))["channels"]),
        of(["catalog.products", "inventory.intake", "orders.intake", "payments.intake"])
    );
}

#[test]
fn an_unknown_application_is_named_with_those_there_are() {
    let error = asyncapi::document(&shop(), Some("shipping")).expect_err("no such application").to_string();
    assert!(
        error.starts_with("shipping is no application of the shop; there are ")
            && error.contains("gateway, "),
        "{error}"
    );
}
