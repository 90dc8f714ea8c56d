#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use minuet_envelope::event_kinds;

use super::*;

event_kinds! {
    enum Kind, version "v1" {
        Priced = "shop.Priced",
        Other = "shop.Other",
    }
}

const PRICED: &str = r#"{"type": "record", "name": "Priced", "namespace": "shop", "fields": [
    {"name": "sku", "type": "string"},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 19, "scale": 4}}]}"#;
/// A later version: with a field that this build does not know.
const PRICED_LATER: &str = r#"{"type": "record", "name": "Priced", "namespace": "shop", "fields": [
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "sku", "type": "string"},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 19, "scale": 4}}]}"#;

#[derive(Debug, PartialEq, Deserialize)]
struct Priced {
    sku: String,
    #[serde(deserialize_with = "decimal::<4, _>")]
    price: Decimal,
}

/// The wire format by hand: schema 1, the sku `tea`, and these bytes of the price.
fn message(price: &[u8]) -> Vec<u8> {
    let length = u8::try_from(price.len() * 2).unwrap();
    [&[0, 0, 0, 0, 1, 6], &b"tea"[..], &[length], price].concat()
}

#[test]
fn a_decimal_keeps_its_sign_and_its_places() {
    let schemas = SchemaRegistry::local(&[PRICED]).unwrap();
    for (bytes, price) in
        [(&[0x01, 0xe8, 0x48][..], "12.5"), (&[0x00], "0"), (&[0xff], "-0.0001"), (&[0x00, 0xff], "0.0255")]
    {
        let priced: Priced = schemas.decode(Kind::Priced, &message(bytes)).unwrap();
        assert_eq!(priced, Priced { sku: "tea".to_owned(), price: price.parse().unwrap() });
    }
    let long = schemas.decode::<Priced>(Kind::Priced, &message(&[1; 17])).unwrap_err();
    assert!(long.to_string().contains("at most 28 digits"), "{long}");
}

#[test]
fn a_field_of_a_later_version_is_passed_over() {
    let schemas = SchemaRegistry::local(&[PRICED_LATER]).unwrap();
    let payload = [&[0, 0, 0, 0, 1, 2, 4], &b"hi"[..], &[6], b"tea", &[2, 0x0a]].concat();
    let priced: Priced = schemas.decode(Kind::Priced, &payload).unwrap();
    assert_eq!(priced, Priced { sku: "tea".to_owned(), price: "0.0010".parse().unwrap() });
}

#[test]
fn what_is_wrong_is_told() {
    let schemas = SchemaRegistry::local(&[PRICED]).unwrap();
    let error = |payload: &[u8]| schemas.decode::<Priced>(Kind::Priced, payload).unwrap_err();
    assert_eq!(error(b""), DecodeError::Empty);
    assert_eq!(error(b"text"), DecodeError::NotAvro);
    assert_eq!(error(&[0, 0, 0, 0, 7, 1]), DecodeError::UnknownSchema { id: 7 });
    let trailing = [&message(&[1])[..], &[9]].concat();
    assert!(error(&trailing).to_string().ends_with("1 bytes are left over after the record"));
    let other = schemas.decode::<Priced>(Kind::Other, &message(&[1])).unwrap_err();
    assert_eq!(other, DecodeError::UnknownRecord { id: 1, name: "shop.Priced".to_owned() });
    let unregistered = schemas.encode(Kind::Other, "tea", &"").unwrap_err();
    assert!(unregistered.to_string().contains("no schema of shop.Other was registered"), "{unregistered}");
}
