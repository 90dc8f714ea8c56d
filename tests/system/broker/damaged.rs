//! A batch that the disk has damaged: it stands in the way, everybody is told, and a person has it skipped.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use minuet_messaging::Publisher;
use minuet_tests::{Done, Folder, Options, World, segment, submission};

use super::{ready, says};
use crate::cli::tool;

/// Where a batch lies in the log of a partition: from its length to its end.
fn batch(log: &[u8], offset: i64) -> std::ops::Range<usize> {
    let mut at = 0;
    loop {
        let base = i64::from_be_bytes(log[at..at + 8].try_into().unwrap());
        let next = at + 12 + u32::from_be_bytes(log[at + 8..at + 12].try_into().unwrap()) as usize;
        if base == offset {
            return at..next;
        }
        at = next;
    }
}

/// Turns the last byte of the batch at this offset.
fn damage(topic: &str, offset: i64) {
    let path = segment(topic, 0);
    let log = std::fs::read(&path).unwrap();
    let last = batch(&log, offset).end - 1;
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[!log[last]], last as u64).unwrap();
}

/// Changes a packed batch, and makes the checksum fit: nobody but who unpacks the batch sees it.
fn damage_packed(topic: &str, offset: i64, change: fn(&mut [u8])) {
    let path = segment(topic, 0);
    let log = std::fs::read(&path).unwrap();
    let range = batch(&log, offset);
    let mut bytes = log[range.clone()].to_vec();
    assert_ne!(bytes[22] & 7, 0, "the batch at {offset} is packed");
    change(&mut bytes);
    let checksum = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&bytes, range.start as u64).unwrap();
}

/// The checksum of a batch (RFC 3720, B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Has the batch skipped by `minuet topics skip`.
async fn skip(world: &World, folder: &Folder, offset: &str) -> Done {
    let arguments = ["topics", "skip", "orders.intake", "--partition", "0", "--offset", offset];
    let why = ["--service", "order", "--reason", "the disk", "--by", "a test"];
    tool(folder, world, &[&arguments[..], &why].concat())
        .await
        .env("MINUET_ORDER__DATABASE_URL", world.settings("order").database_url)
        .run()
        .await
        .well()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_batch_is_named_and_skipped_by_a_person() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let folder = Folder::new();
    let [order, _inventory, _payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    let before = world.submit(&[("LAMP", 1)]).await;
    world.await_status(before, "confirmed").await;
    order.stop().await;
    let lost = world.submit(&[("LAMP", 1)]).await;
    let behind = world.submit(&[("LAMP", 1)]).await;
    let topic = format!("{}orders.intake", world.prefix);
    damage(&topic, 1);

    let order = world.order().await;
    let said = says(&order, "cannot be unpacked").await;
    assert!(said.contains(&format!("{topic}[0] cannot be unpacked at offset 1")), "{said}");
    let metrics = order.metrics().await;
    let of_topic = format!("topic=\"{topic}\"");
    assert_eq!(
        metrics.get("topic_fault", &[&of_topic, "fault=\"unreadable\""]),
        Some(1.0),
        "{}",
        metrics.text
    );
    assert_eq!(metrics.get("batch_unreadable_count_total", &[&of_topic]), Some(1.0), "{}", metrics.text);
    assert_eq!(world.status(behind).await, None, "nothing is passed over by itself");

    let verify = tool(&folder, &world, &["audit", "verify"]).await.run().await;
    let named = format!("{topic}[0] cannot be unpacked at offset 1");
    assert!(verify.code != Some(0) && verify.err.contains(&named), "the audit says so, too: {verify:#?}");

    // Another place than the one where the service stands: nothing happens.
    skip(&world, &folder, "2").await;
    let done = skip(&world, &folder, "1").await;
    assert!(done.out.contains(&format!("{topic}[0]@1")), "{done:#?}");
    world.await_status(behind, "confirmed").await;
    ready(&order).await;
    assert_eq!(world.status(lost).await, None);
    let metrics = order.metrics().await;
    assert_eq!(metrics.get("topic_fault", &[&of_topic]), Some(0.0), "{}", metrics.text);
    assert_eq!(metrics.get("batch_skipped_count_total", &[&of_topic]), Some(1.0), "{}", metrics.text);
    world.await_number("order", "select count(*) from skipped_batches where skipped_at is not null", 1).await;

    // The group's offset is behind the batch: the next start reads on.
    order.stop().await;
    let order = world.order().await;
    let after = world.submit(&[("LAMP", 1)]).await;
    world.await_status(after, "confirmed").await;
    ready(&order).await;
}

/// The broker checks the checksum only: a producer's library may send what cannot be unpacked.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_decompressed_is_named_and_skipped_by_a_person() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let folder = Folder::new();
    let [order, _inventory, _payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    let before = world.submit(&[("LAMP", 1)]).await;
    world.await_status(before, "confirmed").await;
    order.stop().await;
    // Long enough to become shorter: librdkafka leaves a batch as it is otherwise.
    let skus: Vec<String> = (0..40).map(|number| format!("LAMP-{number}")).collect();
    let lines: Vec<(&str, u32)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    let topic = format!("{}orders.intake", world.prefix);
    let mut behind = Vec::new();
    for codec in ["gzip", "snappy", "lz4", "zstd", "gzip"] {
        let mut kafka = world.kafka().clone();
        kafka.insert("compression.type".into(), codec.into());
        let (contract, catalogue) = (world.codec.clone(), Arc::clone(&world.catalogue));
        let publisher = Publisher::new(&kafka, "test", "tool", contract, catalogue, &world.prefix).unwrap();
        let event = submission(&lines).into();
        publisher.publish(world.envelope(&event), event).await.unwrap();
        behind.push(world.submit(&[("LAMP", 1)]).await);
    }
    let offsets = [1, 3, 5, 7, 9];
    let turn: fn(&mut [u8]) = |batch| batch[61..].iter_mut().for_each(|byte| *byte = !*byte);
    offsets[..4].iter().for_each(|offset| damage_packed(&topic, *offset, turn));
    // A codec of the future.
    damage_packed(&topic, 9, |batch| batch[22] |= 7);

    let order = world.order().await;
    for (offset, behind) in offsets.into_iter().zip(behind) {
        let said = says(&order, &format!("cannot be unpacked at offset {offset}")).await;
        assert!(said.contains(&topic), "{said}");
        assert_eq!(world.status(behind).await, None, "nothing is passed over by itself");
        skip(&world, &folder, &offset.to_string()).await;
        world.await_status(behind, "confirmed").await;
    }
    ready(&order).await;
    let metrics = order.metrics().await;
    let of_topic = format!("topic=\"{topic}\"");
    assert_eq!(metrics.get("batch_skipped_count_total", &[&of_topic]), Some(5.0), "{}", metrics.text);
}
