//! Long topics and no database: what a service holds meanwhile is bounded, however much waits for it.

use minuet_events::Event;
use minuet_stack::Part;
use minuet_tests::{Folder, Options, Servers, World, submission, until};

use super::outages::alone;

/// docs/operations.md, "Memory": 32 MiB between the poll and the end of a batch, 8 MiB before that, 8 MiB in the relay; and what
/// the allocator makes of it.
const AWAY_MIB: u64 = 64;
/// A batch of 500 orders of a hundred lines, and what is decided, refused and written because of it, is worked on besides.
const BUSY_MIB: u64 = 256;
/// More than the bound lies on the topic.
const ORDERS: usize = 40_000;
const LINES: usize = 100;

/// Its highest resident memory so far, in MiB, as Linux counts it.
fn highest(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_while_the_database_is_away_and_topics_are_long() {
    let (shared, postgres) = (Servers::shared().await, alone(&[Part::Postgres], "memory").await);
    let world = World::on(Servers { databases: &postgres, ..shared }, Options::default()).await;
    let folder = Folder::new();
    let order = world.process(&folder, "order").start();
    order.logs("shards taken").await;
    let idle = highest(order.pid);
    postgres.kill(Part::Postgres).await.unwrap();

    let skus: Vec<String> = (0..LINES).map(|n| format!("A-SKU-OF-SOME-LENGTH-{n:04}")).collect();
    let lines: Vec<(&str, u32)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    let bytes = world.codec.encode(&Event::from(submission(&lines))).unwrap().len() * ORDERS / (1024 * 1024);
    assert!(bytes as u64 > AWAY_MIB, "{bytes} MiB is no long topic");
    for _ in 0..ORDERS / 1_000 {
        futures::future::join_all((0..1_000).map(|_| world.submit(&lines))).await;
    }
    // It has taken what it takes: no more comes, look after look.
    let (mut last, mut still) = (0, 0);
    until("the service holds all that it will", || {
        let now = highest(order.pid);
        still = if now == last { still + 1 } else { 0 };
        last = now;
        std::future::ready(if still < 250 { Err(now) } else { Ok(()) })
    })
    .await;
    let away = highest(order.pid);

    // Its buffer is full then, so its partitions are paused; it must read on when it is back in the group.
    order.logs("database does not answer; the group is left").await;
    postgres.restart(Part::Postgres).await.unwrap();
    until("it goes on", || async {
        let seen = world.number("order", "select count(*) from orders").await;
        let log = order.log();
        let said: Vec<&str> = log.lines().rev().take(40).collect();
        if seen >= 2_000 {
            Ok(())
        } else {
            Err(format!("{seen} orders; its last lines, the last one first:\n{}", said.join("\n")))
        }
    })
    .await;
    let busy = highest(order.pid);
    println!("idle {idle} MiB, database away {away} MiB, catching up {busy} MiB; {bytes} MiB on the topic");
    assert!(away <= idle + AWAY_MIB, "{away} MiB while the database was away, {idle} MiB before");
    assert!(busy <= idle + BUSY_MIB, "{busy} MiB while catching up, {idle} MiB before");
}
