//! Producers choose how they compress, and brokers may compress again: every codec of Kafka is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use minuet_messaging::Publisher;
use minuet_tests::{Folder, Options, World, assert_books_balance, segment, submission, until};
use rdkafka::admin::{AdminOptions, AlterConfig, ResourceSpecifier};

use super::admin;
use crate::cli::tool;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// The codecs of a partition's batches, by their place in [`CODECS`].
fn codecs(world: &World, topic: &str) -> BTreeSet<u8> {
    let log = std::fs::read(segment(&format!("{}{topic}", world.prefix), 0)).unwrap();
    let (mut at, mut found) = (0, BTreeSet::new());
    while let Some(header) = log.get(at..at + 23) {
        found.insert(header[22] & 7);
        at += 12 + u32::from_be_bytes(header[8..12].try_into().unwrap()) as usize;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_is_read() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let topic = format!("{}orders.events", world.prefix);
    let zstd = AlterConfig::new(ResourceSpecifier::Topic(&topic))
        .set("cleanup.policy", "delete")
        .set("retention.ms", "604800000")
        .set("compression.type", "zstd");
    admin(&world).alter_configs([&zstd], &AdminOptions::new()).await.unwrap();
    let _services = world.services().await;
    let skus: Vec<String> = (0..40).map(|number| format!("LAMP-{number}")).collect();
    for sku in &skus {
        world.publish(minuet_tests::product(sku, "2.00", "EUR", true)).await;
        world.publish(minuet_tests::adjustment(sku, "BER", 100)).await;
    }
    for sku in &skus {
        world.await_product(sku).await;
    }
    world.await_number("inventory", "select count(*) from stock", 40).await;
    // Long enough that each codec makes it shorter: librdkafka leaves a batch as it is otherwise.
    let lines: Vec<(&str, u32)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    for codec in CODECS {
        let mut kafka = world.kafka().clone();
        kafka.insert("compression.type".into(), codec.into());
        let (contract, catalogue) = (world.codec.clone(), Arc::clone(&world.catalogue));
        let publisher = Publisher::new(&kafka, "test", "tool", contract, catalogue, &world.prefix).unwrap();
        let submitted = submission(&lines);
        let order = submitted.order_id;
        let event = submitted.into();
        publisher.publish(world.envelope(&event), event).await.unwrap();
        world.await_status(order, "confirmed").await;
    }
    let seen = until("the segments are written", || async {
        let seen = [codecs(&world, "orders.intake"), codecs(&world, "orders.events")];
        if seen[0].len() == CODECS.len() { Ok(seen) } else { Err(seen) }
    })
    .await;
    assert_eq!(seen, [(0..5).collect(), [4].into()], "each codec came, and the broker made zstd of the rest");
    assert_books_balance(&world).await;

    let folder = Folder::new();
    let tail = ["audit", "tail", "-e", "-t", "orders.intake", "-f", "%o "];
    assert_eq!(tool(&folder, &world, &tail).await.run().await.well().out, "0 1 2 3 4 ");
    tool(&folder, &world, &["audit", "verify"]).await.run().await.well();
}
