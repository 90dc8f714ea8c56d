//! Bytes that are no event, or not quite: a typed error, never a panic and never half a record.

use minuet_events::orders::{OrderConfirmed, OrderRejected};
use minuet_events::values::{Amount, Currency, UserId};
use minuet_events::{Codec, DecodeError, Event, EventType};

use crate::samples;

fn malformed(codec: &Codec, bytes: &[u8]) -> String {
    match codec.decode(bytes) {
        Err(DecodeError::Malformed { detail, .. }) => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_the_wire_format_is_told_apart() {
    let codec = Codec::local();
    assert_eq!(codec.decode(b""), Err(DecodeError::Empty));
    for foreign in [b"{\"order_id\": 1}".as_slice(), b"\0", b"\0\0\0\0", b"\x01\0\0\0\x01"] {
        assert_eq!(codec.decode(foreign), Err(DecodeError::NotAvro), "{foreign:?}");
    }
    assert_eq!(codec.decode(b"\0\0\0\xff\xff"), Err(DecodeError::UnknownSchema { id: 0xffff }));
}

#[test]
fn local_ids_are_positions_from_1() {
    let codec = Codec::local();
    for (position, event_type) in (1..).zip(EventType::ALL) {
        assert_eq!(codec.schema_id(*event_type), position);
    }
}

#[test]
fn every_byte_belongs_to_the_record_and_none_is_missing() {
    let codec = Codec::local();
    for event in samples::all() {
        let mut bytes = codec.encode(&event).unwrap();
        for cut in 5..bytes.len() {
            malformed(&codec, &bytes[..cut]);
        }
        bytes.push(0);
        assert_eq!(malformed(&codec, &bytes), "1 bytes are left over after the record");
    }
}

/// A small deterministic fuzz: each byte of each sample, turned into others.
#[test]
fn no_byte_can_make_decoding_panic() {
    let codec = Codec::local();
    for event in samples::all() {
        let bytes = codec.encode(&event).unwrap();
        for at in 5..bytes.len() {
            for with in [0x00, 0x01, 0x02, 0x7f, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = with;
                // It may still be a record: then that one encodes to something that decodes to it.
                if let Ok(read) = codec.decode(&damaged) {
                    assert_eq!(codec.decode(&codec.encode(&read).unwrap()).unwrap(), read);
                }
            }
        }
    }
}

#[test]
fn a_wrong_value_is_refused_with_its_place() {
    let codec = Codec::local();
    let sample = samples::all().into_iter().find(|event| event.event_type() == EventType::OrderSubmitted);
    let mut bytes = codec.encode(&sample.unwrap()).unwrap();
    let first_sku = bytes.windows(5).position(|window| window == b"MUG-1").unwrap();
    bytes[first_sku] = 0;
    let detail = malformed(&codec, &bytes);
    assert!(detail.starts_with("lines[0].sku: sku takes 1 to 64 characters"), "{detail}");

    let mut absurd_length = bytes[..5].to_vec();
    absurd_length.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    let detail = malformed(&codec, &absurd_length);
    assert!(detail.starts_with("order_id: "), "{detail}");
    assert!(detail.len() < 400, "{detail}");
}

fn confirmed(total: Amount) -> Event {
    let currency = Currency::parse("EUR").unwrap();
    OrderConfirmed { order_id: samples::order_id(), user_id: UserId::parse("ada").unwrap(), currency, total }
        .into()
}

/// The bytes up to the total, and the total's own.
fn split_at_total(total: Amount) -> (Vec<u8>, Vec<u8>) {
    let mut head = Codec::local().encode(&confirmed(total)).unwrap();
    let euro = head.windows(3).position(|window| window == b"EUR").unwrap();
    let tail = head.split_off(euro + 3);
    (head, tail)
}

#[test]
fn amounts_are_the_shortest_twos_complement_of_their_ten_thousandths() {
    let bytes = |text| split_at_total(samples::amount(text)).1;
    assert_eq!(bytes("0"), [2, 0x00]);
    assert_eq!(bytes("0.0001"), [2, 0x01]);
    assert_eq!(bytes("0.0127"), [2, 0x7f]);
    assert_eq!(bytes("0.0128"), [4, 0x00, 0x80]);
    assert_eq!(bytes("0.0256"), [4, 0x01, 0x00]);
    let max = [18, 0x00, 0x8a, 0xc7, 0x23, 0x04, 0x89, 0xe7, 0xff, 0xff];
    assert_eq!(bytes("999999999999999.9999"), max);
}

#[test]
fn amounts_outside_the_decimal_are_refused() {
    let codec = Codec::local();
    let (head, _) = split_at_total(Amount::ZERO);
    let with = |total: &[u8]| [&head, [total.len() as u8 * 2].as_slice(), total].concat();
    assert_eq!(codec.decode(&with(&[0x00, 0x00, 0x80])), Ok(confirmed(samples::amount("0.0128"))));
    let max_and_one = [0x00, 0x8a, 0xc7, 0x23, 0x04, 0x89, 0xe8, 0x00, 0x00];
    let ten_bytes = [0; 10];
    for wrong in [[].as_slice(), &[0xff], &[0x80, 0x00], &max_and_one, &ten_bytes, &[0x7f; 9], &[0xff; 16]] {
        let detail = malformed(&codec, &with(wrong));
        assert!(detail.starts_with("total: an amount takes 0 to"), "{detail}");
    }
}

#[test]
fn what_others_would_refuse_is_not_written() {
    let codec = Codec::local();
    for event in samples::all() {
        let Event::OrderCancellationRequested(mut request) = event else { continue };
        request.reason = "a\0b".into();
        let error = codec.encode(&request.into()).unwrap_err();
        assert_eq!(error.event, "OrderCancellationRequested");
        assert!(error.to_string().contains("no control character"), "{error}");
    }
}

#[test]
fn a_record_says_nothing_of_its_kind_but_by_its_schema() {
    let codec = Codec::local();
    let order_id = samples::order_id();
    let rejected: Event =
        OrderRejected { order_id, user_id: UserId::parse("ada").unwrap(), problems: Vec::new() }.into();
    let mut bytes = codec.encode(&rejected).unwrap();
    bytes[4] = codec.schema_id(EventType::OrderFailed) as u8;
    assert_eq!(codec.decode(&bytes).unwrap().event_type(), EventType::OrderFailed);
}
