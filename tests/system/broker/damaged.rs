//! A batch that the disk has damaged: it stands in the way, everybody is told, and a person has it skipped.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use minuet_tests::{Folder, Options, World, segment};

use super::{ready, says};
use crate::cli::tool;

/// Turns the last byte of the batch at this offset.
fn damage(topic: &str, offset: i64) {
    let path = segment(topic, 0);
    let log = std::fs::read(&path).unwrap();
    let mut at = 0;
    loop {
        let base = i64::from_be_bytes(log[at..at + 8].try_into().unwrap());
        let next = at + 12 + u32::from_be_bytes(log[at + 8..at + 12].try_into().unwrap()) as usize;
        if base == offset {
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            return file.write_all_at(&[!log[next - 1]], next as u64 - 1).unwrap();
        }
        at = next;
    }
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
    let skip = async |offset| {
        let arguments = ["topics", "skip", "orders.intake", "--partition", "0", "--offset", offset];
        let why = ["--service", "order", "--reason", "the disk", "--by", "a test"];
        tool(&folder, &world, &[&arguments[..], &why].concat())
            .await
            .env("MINUET_ORDER__DATABASE_URL", world.settings("order").database_url)
            .run()
            .await
            .well()
    };
    skip("2").await;
    let done = skip("1").await;
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
