//! A topic is deleted under running services, and comes back.

use minuet_tests::{Options, World, until};
use rdkafka::admin::AdminOptions;

use super::{admin, ready, says};

/// `catalog.products` is the first of the order service's topics by name.
#[tokio::test(flavor = "multi_thread")]
async fn orders_of_known_products_go_on_without_the_catalogue() {
    let world = World::with(Options { partitions: 2, ..Options::default() }).await;
    let [order, inventory, _payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    let admin = admin(&world);
    let delete = async |topic: &str| {
        let topic = format!("{}{topic}", world.prefix);
        admin.delete_topics(&[&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        topic
    };
    let topic = delete("catalog.products").await;
    let said = says(&order, "does not exist").await;
    assert!(said.contains(&topic), "{said}");
    let metrics = order.metrics().await;
    assert_eq!(metrics.get("topic_fault", &["fault=\"missing\""]), Some(1.0), "{}", metrics.text);
    for _ in 0..4 {
        let placed = world.submit(&[("LAMP", 1)]).await;
        world.await_status(placed, "confirmed").await;
    }

    // It comes back, as somebody would create it, and is read again.
    world.catalogue.apply(world.kafka(), &world.prefix).await.unwrap();
    ready(&order).await;
    // Twice: the group may still have the offset after the one record of the former topic.
    for _ in 0..2 {
        world.publish(minuet_tests::product("MUG", "5.00", "EUR", true)).await;
    }
    world.await_product("MUG").await;

    let topic = delete("inventory.intake").await;
    let said = says(&inventory, "does not exist").await;
    assert!(said.contains(&topic), "{said}");
    let placed = world.submit(&[("LAMP", 1)]).await;
    world.await_status(placed, "confirmed").await;
    let held = until("the shards are held", || async {
        let held = inventory.metrics().await.get("shard_held", &[]);
        if held == Some(2.0) { Ok(held) } else { Err(held) }
    });
    held.await;
}
