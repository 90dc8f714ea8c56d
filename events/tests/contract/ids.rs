//! Vectors computed elsewhere, from the layout as the module documents it: an id that changes would make every
//! duplicate a new event.

use minuet_events::values::{Micros, OrderId, UserId};
use minuet_events::{EventType, ids};
use uuid::Uuid;

const V7: Uuid = Uuid::from_u128(0x019ab3c4_d5e6_7f01_8203_040506070809);
const V4: Uuid = Uuid::from_u128(0x6f1b2a3c_4d5e_4f60_8718_293a4b5c6d7e);
const CAUSE_TIME: Micros = Micros(1_764_000_000_123_999);

#[test]
fn an_event_continues_the_time_of_its_cause() {
    let first = ids::derive(V7, CAUSE_TIME, EventType::OrderPlaced, 0);
    assert_eq!(first.to_string(), "019ab3c4-d5e6-8856-a2da-e6779003095e");
    let second = ids::derive(V7, CAUSE_TIME, EventType::OrderPlaced, 1);
    assert_eq!(second.to_string(), "019ab3c4-d5e6-80eb-88a9-facae3e3e036");
    let next = ids::derive(first, CAUSE_TIME, EventType::InventoryReserved, 0);
    assert_eq!(next.to_string(), "019ab3c4-d5e6-87f2-a01a-f2c3a1ba3ed6");
    for id in [first, second, next] {
        assert_eq!(id.get_version_num(), 8);
        assert_eq!(ids::time_of(id), ids::time_of(V7));
    }
}

#[test]
fn a_cause_without_a_time_lends_that_of_its_message() {
    let id = ids::derive(V4, CAUSE_TIME, EventType::OrderCancelled, 0);
    assert_eq!(id.to_string(), "019ab697-e87b-8aef-a976-b5e891df741d");
    assert_eq!(ids::time_of(id), Some(Micros(1_764_000_000_123_000)));
    let ancient = ids::derive(V4, Micros(-1), EventType::OrderCancelled, 0);
    assert!(ancient.to_string().starts_with("00000000-0000-8"));
    let absurd = ids::derive(V4, Micros(i64::MAX), EventType::OrderCancelled, 0);
    assert!(absurd.to_string().starts_with("ffffffff-ffff-8"), "{absurd}");
}

#[test]
fn a_key_of_a_user_is_one_order_its_payment_and_its_refund() {
    let order = ids::order_id_for_key(&UserId::parse("ada").unwrap(), "schlüssel-1");
    assert_eq!(order.to_string(), "035a0a67-ba94-83bd-856f-a8afccc87427");
    let payment = ids::payment_id(order);
    assert_eq!(payment.to_string(), "035a0a67-ba94-8627-8e4f-7652590e9092");
    assert_eq!(ids::refund_id(payment).to_string(), "035a0a67-ba94-8f2e-b54c-c03359a39a00");
}

#[test]
fn a_key_of_a_user_is_one_request_of_each_kind_about_each_order() {
    let ada = UserId::parse("ada").unwrap();
    let order = OrderId::new(V7);
    let request = |kind, order| ids::request_id_for_key(kind, &ada, order, "schlüssel-1").to_string();
    assert_eq!(request("cancellation", order), "c6632f88-ba80-8275-94ec-be93e62da2f4");
    assert_eq!(request("refund", order), "ecb99c98-1f88-81e2-b658-50bb254fe913");
    assert_ne!(request("refund", OrderId::new(V4)), request("refund", order));
}

#[test]
fn ids_of_release_0_1_stay_as_they_were() {
    let ada = UserId::parse("ada").unwrap();
    let request = |kind| ids::earlier_request_id_for_key(kind, &ada, "schlüssel-1").to_string();
    assert_eq!(request("cancellation"), "1727dbbf-8c6a-8e0d-ba1e-e3b859cd4371");
    assert_eq!(request("refund"), "89f82f31-13c2-8dbe-8451-7b404fb610b4");
    let adjustment = ids::adjustment_id_for_key(&ada, "schlüssel-1");
    assert_eq!(adjustment.to_string(), "8896f37c-604f-8353-910a-b7411242a6c2");
}

#[test]
fn user_and_key_do_not_run_into_each_other() {
    let order = |user, key| ids::order_id_for_key(&UserId::parse(user).unwrap(), key);
    assert_ne!(order("ab", "c"), order("a", "bc"));
    assert_ne!(order("a", ""), order("a", "\0"));
    let earlier = |user, key| ids::earlier_request_id_for_key("refund", &UserId::parse(user).unwrap(), key);
    assert_ne!(earlier("ab", "c"), earlier("a", "bc"));
    let request =
        |user, key| ids::request_id_for_key("refund", &UserId::parse(user).unwrap(), OrderId::new(V7), key);
    assert_ne!(request("ab", "c"), request("a", "bc"));
}

#[test]
fn the_inbox_knows_an_event_by_source_and_id_in_order_of_time() {
    let timed = ids::inbox_id("/minuet/order", V7);
    assert_eq!(timed.to_string(), "019ab3c4-d5e6-8e94-8f29-b34fa69dc947");
    assert_ne!(timed, ids::inbox_id("/minuet/payment", V7));
    let timeless = ids::inbox_id("/minuet/order", V4);
    assert_eq!(timeless.to_string(), "ffe3958f-54ca-8395-84fb-2c3cf50c1cd3");
    assert_eq!(timeless.get_version_num(), 8);
    // Total: the odd ones have an id too.
    assert!(ids::inbox_id("", Uuid::nil()).to_string().starts_with("ff"));
    assert!(ids::inbox_id("", Uuid::max()).to_string().starts_with("ff"));
}

#[test]
fn only_v7_and_v8_have_a_time() {
    assert_eq!(ids::time_of(V7), Some(Micros(1_763_952_612_838_000)));
    assert_eq!(ids::time_of(V4), None);
    assert_eq!(ids::time_of(Uuid::nil()), None);
}

/// Layout: SHA-256 of the parts, as the module's table says.
#[test]
fn a_part_of_a_refund_and_a_notification_have_ids_of_their_own() {
    let order = OrderId::new(V7);
    let payment = ids::payment_id(order);
    let part = ids::partial_refund_id(payment, V4);
    assert_ne!(part, ids::refund_id(payment));
    assert_ne!(part, ids::partial_refund_id(payment, V7));
    assert_eq!(ids::time_of(part.as_uuid()), ids::time_of(V7));
    let told = |provider, id, order| ids::provider_notification_id(provider, id, order);
    let notified = told("stripe", "evt_1", order);
    assert_eq!(notified, told("stripe", "evt_1", order));
    assert_ne!(notified, told("stripe", "evt_2", order));
    assert_ne!(notified, told("simulated", "evt_1", order));
    assert_ne!(notified, told("stripe", "evt_1", OrderId::new(V4)));
}
