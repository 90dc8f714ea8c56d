//! The inbox in fast motion: it remembers as long as it must, and gives the space of older days back.

use std::time::Duration;

use minuet_tests::adjustment;

use super::harness::Bench;
use super::inventory::stepped;

const RETENTION: Duration = Duration::from_secs(15 * 24 * 3600);
const DAYS: &str = "select count(*) from pg_inherits where inhparent = 'inbox'::regclass";
const ROWS: &str = "select count(*) from inbox";

#[tokio::test(flavor = "multi_thread")]
async fn thirty_days_leave_the_space_of_fifteen() {
    let bench = Bench::new("inventory", stepped).await;
    // Before there is any partition: it moves into its day's.
    let mut sent = vec![bench.send(adjustment("tea", "a", 1))];
    bench.batch(&sent).await;
    for day in 0..30 {
        bench.hand.prune(RETENTION).await.unwrap();
        let timeless = bench.send_as(uuid::Uuid::new_v4(), adjustment("tea", "a", 1).into());
        let today = [bench.send_as(bench.id_of_now(), adjustment("tea", "a", 1).into()), timeless];
        bench.batch(&today).await;
        if day > 0 {
            // Yesterday's once more: another day, and known all the same.
            bench.batch(&sent[sent.len() - 2..]).await;
        }
        sent.extend(today);
        bench.pass(24 * 60);
    }
    bench.hand.prune(RETENTION).await.unwrap();
    assert_eq!(bench.number("select on_hand::bigint from stock").await, 61, "each counted once");
    let days = bench.number(DAYS).await;
    assert!((17..=22).contains(&days), "{days} partitions: the default, 15 days and those ahead");
    let rows = bench.number(ROWS).await;
    assert!((28..=34).contains(&rows), "two a day of 15 days, not {rows}");

    // Whatever is younger than the retention is still known.
    let counted = bench.number("select on_hand::bigint from stock").await;
    bench.batch(&sent[sent.len() - 2 * 14..]).await;
    assert_eq!(bench.number("select on_hand::bigint from stock").await, counted);
}
