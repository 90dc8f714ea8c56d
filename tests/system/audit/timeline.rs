//! `audit timeline`: one order's events, causes before effects, whoever wrote them wherever.

use std::collections::HashSet;

use minuet_events::Event;
use minuet_tests::{Folder, Raw, World, submission};
use serde_json::Value;

use super::audit;

/// Of an order that was refunded after it was confirmed: its whole story, in each form.
pub(super) async fn is_told(folder: &Folder, world: &World) {
    let refunded =
        audit(folder, world, &["tail", "-e", "--type", "PaymentRefunded", "-f", "%k\n"]).await.well();
    let requested =
        audit(folder, world, &["tail", "-e", "--type", "RefundRequested", "-f", "%k\n"]).await.well();
    let order = refunded.out.lines().find(|order| requested.out.contains(order)).expect("a refunded order");

    let json = audit(folder, world, &["timeline", order, "--json"]).await.well();
    let story: Value = serde_json::from_str(&json.out).unwrap();
    let events = story["events"].as_array().unwrap();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let mut sorted = types.clone();
    sorted.sort_unstable();
    let wanted = [
        "InventoryConfirmed",
        "InventoryReleased",
        "InventoryReserved",
        "OrderCancelled",
        "OrderConfirmed",
        "OrderPlaced",
        "OrderSubmitted",
        "PaymentRefunded",
        "PaymentSucceeded",
        "RefundRejected",
        "RefundRequested",
        "RefundRequested",
    ];
    assert_eq!(sorted, wanted, "{types:?}");
    assert_eq!((&story["status"], story["awaited"].as_array().unwrap().len()), (&"cancelled".into(), 0));
    // Whatever the clocks say, an effect comes after its cause, and tells how long after.
    let mut before = HashSet::new();
    for event in events {
        let id = event["headers"]["ce_id"].as_str().unwrap();
        if let Some(cause) = event["headers"].get("ce_causationid").and_then(Value::as_str) {
            assert!(before.contains(cause), "{event:#} before its cause");
            assert!(event["cause"] == cause && event["wait_us"].is_i64(), "{event:#}");
        }
        before.insert(id);
    }

    let text = audit(folder, world, &["timeline", order]).await.well().out;
    assert!(text.starts_with(&format!("order {order}: cancelled\ntrace ")), "{text}");
    assert!(text.lines().any(|line| line.contains("PaymentSucceeded") && line.contains(" ms ")), "{text}");
    let drawn = audit(folder, world, &["timeline", order, "-f", "mermaid"]).await.well().out;
    assert!(drawn.starts_with("sequenceDiagram\n"), "{drawn}");
    for arrow in [
        "order->>inventory: OrderPlaced (+",
        "payment->>order: PaymentRefunded (+",
        "test->>order: OrderSubmitted",
    ] {
        assert!(drawn.contains(arrow), "{arrow:?} in {drawn}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_are_marked_and_what_is_owed_is_named() {
    let (world, folder) = (World::new().await, Folder::new());
    let submitted = submission(&[("MUG", 1)]);
    let order = submitted.order_id.to_string();
    let envelope = world.publish(submitted.clone()).await;
    world.publisher.publish(envelope, submitted.into()).await.unwrap();
    let text = audit(&folder, &world, &["timeline", &order]).await.well().out;
    assert!(text.starts_with(&format!("order {order}: submitted\n")), "{text}");
    assert_eq!(text.matches("OrderSubmitted  ").count(), 1, "{text}");
    assert!(text.contains("again, at orders.intake["), "{text}");
    assert!(text.contains("awaited: OrderPlaced or OrderRejected or OrderCancelled from order"), "{text}");

    let unknown = submission(&[]).order_id.to_string();
    let none = audit(&folder, &world, &["timeline", &unknown]).await;
    assert_eq!(none.code, Some(1), "{none:#?}");
    assert!(none.err.contains(&format!("the topics know nothing of the order {unknown}")), "{}", none.err);
}

/// Another client's partitioner puts a key elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_has_placed_is_found_too() {
    let (world, folder) = (World::new().await, Folder::new());
    let mut partitions = HashSet::new();
    for _ in 0..6 {
        let submitted = submission(&[("MUG", 1)]);
        let (order, event) = (submitted.order_id.to_string(), Event::from(submitted));
        let raw = Raw::of(&world.envelope(&event), &order, world.codec.encode(&event).unwrap());
        world.topics.send("orders.intake", &raw).await;
        let json = audit(&folder, &world, &["timeline", &order, "--json"]).await.well();
        let story: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(story["events"][0]["type"], "OrderSubmitted", "{story:#}");
        let its = minuet_events::partition::shard(order.as_bytes(), world.catalogue.partitions());
        partitions.insert(story["events"][0]["partition"].as_u64() == Some(its.into()));
    }
    assert!(partitions.contains(&false), "no order lay elsewhere");
}
