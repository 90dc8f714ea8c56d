//! Deletions that compaction has removed before they were read.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use minuet_messaging::{Reader, Slice};
use minuet_tests::{Raw, Running, World, product, until};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use tokio::time::sleep;

const TOPIC: &str = "catalog.products";

/// A product is deleted while the order service is away; the broker compacts record and tombstone away. After a short absence
/// nothing hints at it; after a long one the service looks through the topic.
pub(super) async fn forgotten_tombstone() {
    let world = World::new().await;
    let order = world.order().await;
    for sku in ["VASE", "MUG"] {
        world.publish(product(sku, "30.00", "EUR", true)).await;
        world.await_product(sku).await;
    }
    let partition = partition_of(&world, "VASE").await.expect("VASE is on the topic");
    order.stop().await;
    delete_and_compact(&world, "VASE", partition).await;

    let order = restarted(&world).await;
    assert_eq!(on_sale(&world).await, 2, "a short absence: the topic keeps tombstones for longer");
    order.stop().await;
    let aged = "update consumed_positions set recorded_at = now() - interval '8 days'";
    sqlx::query(aged).execute(world.pool("order")).await.unwrap();
    let order = restarted(&world).await;
    assert_eq!(on_sale(&world).await, 1, "VASE is taken off sale, MUG is not");
    order.stop().await;
}

async fn restarted(world: &World) -> Running {
    let order = world.order().await;
    // All that was on the topic is read.
    world.publish(product("FILLER", "1.00", "EUR", true)).await;
    world.await_product("FILLER").await;
    order
}

async fn on_sale(world: &World) -> i64 {
    world.number("order", "select count(*) from products where active and sku in ('VASE', 'MUG')").await
}

/// The partition of the topic that has the key, in a record or a tombstone.
async fn partition_of(world: &World, sku: &'static str) -> Option<i32> {
    let (kafka, topic) = (world.kafka().clone(), Arc::from(format!("{}{TOPIC}", world.prefix)));
    let partitions = world.catalogue.partitions().cast_signed();
    let look = move || {
        let reader = Reader::new(&kafka, "compaction").unwrap();
        let all: Vec<_> = (0..partitions).map(|partition| (Arc::clone(&topic), partition)).collect();
        let bounds = reader.bounds(&all).unwrap();
        let slices: Vec<Slice> = all
            .into_iter()
            .zip(bounds)
            .filter(|(_, offsets)| !offsets.is_empty())
            .map(|((topic, partition), offsets)| Slice { topic, partition, offsets })
            .collect();
        let mut found = None;
        let show = |message: minuet_messaging::Message<'_>| {
            if message.key() == Some(sku.as_bytes()) {
                found = Some(slices[message.slice].partition);
            }
            ControlFlow::Continue(())
        };
        reader.scan(&slices, show).unwrap();
        found
    };
    tokio::task::spawn_blocking(look).await.unwrap()
}

/// Deletes a product, and has the broker compact until neither its record nor its tombstone is left.
async fn delete_and_compact(world: &World, sku: &'static str, partition: i32) {
    let mut config = ClientConfig::new();
    config.extend(world.kafka().clone());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let topic = format!("{}{TOPIC}", world.prefix);
    // The request replaces all settings of the topic.
    let quick = AlterConfig::new(ResourceSpecifier::Topic(&topic))
        .set("cleanup.policy", "compact")
        .set("delete.retention.ms", "1")
        .set("min.cleanable.dirty.ratio", "0.0001")
        .set("segment.ms", "100");
    admin.alter_configs([&quick], &AdminOptions::new()).await.unwrap();
    let tombstone = Raw { key: Some(sku.as_bytes().to_vec()), payload: None, headers: vec![] };
    world.topics.send_to(TOPIC, &tombstone, partition).await;
    let filler = minuet_events::Event::from(product("FILLER", "1.00", "EUR", true));
    let raw = {
        let envelope = world.envelope(&filler);
        Raw::of(&envelope, "FILLER", world.codec.encode(&filler).unwrap())
    };
    until("the tombstone is compacted away", || async {
        // The newest segment is not compacted: another record begins a new one.
        world.topics.send_to(TOPIC, &raw, partition).await;
        sleep(Duration::from_millis(500)).await;
        match partition_of(world, sku).await {
            None => Ok(()),
            found => Err(found),
        }
    })
    .await;
}
