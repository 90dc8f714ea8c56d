//! Any event may arrive any number of times; services may be away for a while.

use minuet_events::Event;
use minuet_events::values::Quantity;
use minuet_tests::{Raw, World, assert_books_balance, submission, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_three_times_has_one_effect() {
    let world = World::new().await;
    let services = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 10)]).await;
    let order = world.submit(&[("LAMP", 1)]).await;
    world.await_status(order, "confirmed").await;
    assert_books_balance(&world).await;

    // Every event of the order, on every topic, twice more: same id, same bytes.
    let topics = ["orders.intake", "orders.events", "inventory.events", "payments.events"];
    let recorded = world.topics.about(&order.to_string(), &topics).await;
    assert_eq!(recorded.len(), 6, "{recorded:#?}");
    for consumed in recorded.iter().chain(&recorded) {
        let topic = consumed.topic.strip_prefix(&world.prefix).unwrap();
        let raw = Raw::of(&consumed.envelope, &consumed.key, consumed.payload.clone());
        world.topics.send(topic, &raw).await;
    }
    // Read by: order 1 + 0 + InventoryConfirmed + PaymentSucceeded; inventory OrderPlaced, PaymentSucceeded; payment InventoryReserved.
    let wanted = [2 * 3, 2 * 2, 2];
    until("the repetitions are counted", || async {
        let mut seen = Vec::new();
        for service in &services {
            seen.push(service.counts().await["duplicates"].as_i64().unwrap());
        }
        if seen == wanted { Ok(()) } else { Err(seen) }
    })
    .await;

    assert_books_balance(&world).await;
    let after = world
        .topics
        .about(&order.to_string(), &["orders.events", "inventory.events", "payments.events"])
        .await;
    assert_eq!(after.len(), 5 * 3, "nothing was emitted again");
    assert_eq!(world.number("inventory", "select on_hand from stock").await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_submission_of_a_known_order_is_a_counted_no_op() {
    let world = World::new().await;
    let services = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 10)]).await;
    let mut submitted = submission(&[("LAMP", 1)]);
    let order = submitted.order_id;
    world.publish(submitted.clone()).await;
    world.await_status(order, "confirmed").await;

    world.publish(submitted.clone()).await;
    submitted.lines[0].quantity = Quantity::new(5).unwrap();
    world.publish(submitted).await;
    until("two no-ops are counted", || async {
        let counts = services[0].counts().await;
        if counts["no_ops"] == 2 { Ok(()) } else { Err(counts) }
    })
    .await;
    assert_eq!(world.number("order", "select count(*) from orders").await, 1);
    assert_eq!(world.number("order", "select (total * 100)::bigint from orders").await, 2000);
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_stopped_catches_up() {
    let world = World::new().await;
    let [_order, inventory, payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    inventory.stop().await;
    payment.abort().await;

    for _ in 0..20 {
        world.submit(&[("LAMP", 1)]).await;
    }
    world.await_number("order", "select count(*) from orders where status = 'pending'", 20).await;
    let _inventory = world.inventory().await;
    let _payment = world.payment().await;
    world.await_number("order", "select count(*) from orders where status = 'confirmed'", 20).await;
    assert_books_balance(&world).await;
}

/// Kafka's partitioners differ: a stranger's cancellation may lie on another partition than the order.
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_partitioner_does_no_harm() {
    let world = World::new().await;
    let _order_one = world.order().await;
    let _order_two = world.order().await;
    let _inventory = world.inventory().await;
    let _payment = world.payment().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;

    let mut orders = Vec::new();
    for _ in 0..24 {
        let submitted = submission(&[("LAMP", 1)]);
        let cancellation = minuet_events::orders::OrderCancellationRequested {
            order_id: submitted.order_id,
            requested_by: submitted.user_id.clone(),
            reason: "changed my mind".to_owned(),
        };
        orders.push(submitted.order_id);
        for event in [Event::from(submitted), Event::from(cancellation)] {
            let raw = Raw::of(&world.envelope(&event), &event.key(), world.codec.encode(&event).unwrap());
            world.topics.send("orders.intake", &raw).await;
        }
    }
    for order in &orders {
        until(&format!("{order} is at its end"), || async {
            match world.status(*order).await.as_deref() {
                Some("confirmed" | "cancelled") => Ok(()),
                other => Err(other.map(str::to_owned)),
            }
        })
        .await;
    }
    assert_books_balance(&world).await;
    let strays = world.topics.read("orders.intake").await;
    let elsewhere = strays.iter().filter(|consumed| {
        minuet_events::partition::shard(consumed.key.as_bytes(), 4) != consumed.partition.unsigned_abs()
    });
    assert!(elsewhere.count() > 10, "the two partitioners are meant to differ");

    // Whatever came in where: what left, left in order, dense from 1.
    for topic in ["orders.events", "inventory.events", "payments.events"] {
        let mut next = std::collections::HashMap::new();
        for consumed in world.topics.read(topic).await {
            let expected = next.entry(consumed.key.clone()).or_insert(1);
            assert_eq!(consumed.envelope.sequence, Some(*expected), "{consumed:#?}");
            *expected += 1;
        }
    }
}
