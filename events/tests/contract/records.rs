//! Names, keys and the JSON form of the records, and the schemas themselves.

use std::collections::BTreeSet;

use minuet_events::{Event, EventType};
use serde_json::Value;

use crate::samples;

#[test]
fn names_lead_back_to_their_type() {
    for &event_type in EventType::ALL {
        assert_eq!(EventType::from_name(event_type.name()), Some(event_type));
        assert_eq!(EventType::from_ce_type(event_type.ce_type()), Some(event_type));
        assert_eq!(event_type.name().parse(), Ok(event_type));
        assert_eq!(event_type.ce_type(), format!("{}.v1", event_type.record_name()));
    }
    assert_eq!(EventType::OrderPlaced.ce_type(), "minuet.orders.OrderPlaced.v1");
    assert_eq!(EventType::RefundRejected.record_name(), "minuet.payments.RefundRejected");
    assert_eq!(EventType::EventParked.record_name(), "minuet.parking.EventParked");
    assert_eq!(EventType::from_ce_type("minuet.orders.OrderPlaced.v2"), None);
    assert_eq!(EventType::from_ce_type("minuet.orders.OrderPlaced"), None);
    assert_eq!(EventType::from_name("orderplaced"), None);
}

#[test]
fn schemas_carry_their_names_and_explain_every_field() {
    for &event_type in EventType::ALL {
        let schema: Value = serde_json::from_str(event_type.schema_json()).unwrap();
        let full_name = format!("{}.{}", schema["namespace"].as_str().unwrap(), event_type.name());
        assert_eq!(schema["name"], event_type.name());
        assert_eq!(full_name, event_type.record_name());
        assert_explained(&schema, event_type.name());
    }
}

fn assert_explained(record: &Value, place: &str) {
    assert!(record["doc"].is_string(), "{place} has no doc");
    for field in record["fields"].as_array().unwrap() {
        let place = format!("{place}.{}", field["name"]);
        assert!(field["doc"].is_string(), "{place} has no doc");
        if field["type"][0] == "null" {
            assert_eq!(field.get("default"), Some(&Value::Null), "{place} is optional without a default");
        }
        if field["type"]["type"] == "array" {
            assert_explained(&field["type"]["items"], &place);
        }
    }
}

/// A field that Rust forgets or adds would otherwise show only where somebody needs it.
#[test]
fn schema_and_type_have_the_same_fields() {
    for event in samples::all() {
        let event_type = event.event_type();
        let schema: Value = serde_json::from_str(event_type.schema_json()).unwrap();
        let fields = schema["fields"].as_array().unwrap().iter();
        let in_schema: BTreeSet<String> =
            fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect();
        let record = serde_json::to_value(&event).unwrap();
        let in_rust: BTreeSet<String> = record.as_object().unwrap().keys().cloned().collect();
        assert_eq!(in_rust, in_schema, "{event_type}");
    }
}

#[test]
fn records_read_and_write_json() {
    for event in samples::all() {
        let json = serde_json::to_string(&event).unwrap();
        let mut from = serde_json::Deserializer::from_str(&json);
        assert_eq!(event.event_type().deserialize(&mut from).unwrap(), event, "{json}");
    }
}

#[test]
fn json_is_fit_for_people() {
    let shown = |event_type| {
        let event = samples::all().into_iter().find(|event| event.event_type() == event_type).unwrap();
        serde_json::to_value(&event).unwrap()
    };
    let reserved = shown(EventType::InventoryReserved);
    assert_eq!(reserved["total"], "999999999999999.9999");
    assert_eq!(reserved["expires_at"], "2025-11-24T16:00:00.000001Z");
    assert_eq!(shown(EventType::OrderPlaced)["lines"][0]["unit_price"], "12.50");
    assert_eq!(shown(EventType::EventParked)["payload"], "0000000009fe");
}

#[test]
fn json_mistakes_name_what_is_wrong() {
    let refused = |json: &str| -> String {
        let mut from = serde_json::Deserializer::from_str(json);
        EventType::ProductChanged.deserialize(&mut from).unwrap_err().to_string()
    };
    let product = |price: &str| {
        format!(r#"{{"sku":"A","name":"a","currency":"EUR","unit_price":{price},"active":true}}"#)
    };
    assert!(refused(&product("12.5")).contains("expected a string"));
    assert!(refused(&product(r#""1e3""#)).contains("an amount takes 0 to"));
    assert!(refused(r#"{"sku":"A"}"#).contains("missing field `name`"));
    assert!(refused(r#"{"sku":" A"}"#).contains("sku takes 1 to 64 characters"));
}

#[test]
fn events_are_keyed_by_order_or_sku_and_parked_ones_as_they_came() {
    for event in samples::all() {
        let expected = match &event {
            Event::ProductChanged(_)
            | Event::StockAdjusted(_)
            | Event::StockLevelChanged(_)
            | Event::StockAdjustmentRejected(_) => "MUG-1".to_owned(),
            Event::EventParked(parked) if parked.key.is_none() => String::new(),
            Event::EventParked(_) => "order".to_owned(),
            _ => samples::order_id().to_string(),
        };
        assert_eq!(event.key(), expected, "{}", event.event_type());
    }
}
