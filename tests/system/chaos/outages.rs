//! Servers that die, connections that break, instances that come and go, while orders are under way.

use std::time::Duration;

use minuet_stack::{Part, Stack, StackOptions};
use minuet_tests::{Options, Process, SERVICES, Servers, until};

use super::load::load;
use super::rest::at_rest;
use super::shop::{ALL, Shop};

/// Long enough that whatever is done meanwhile is done under load.
pub(super) const OVER: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_killed_under_load() {
    postgres_dies(super::orders()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_held_open_meanwhile() {
    snapshot_held(super::orders()).await;
}

/// A server of this run alone. Killed, it must keep what it had promised: no shortcuts on its disk.
pub(super) async fn alone(parts: &[Part], name: &str) -> Stack {
    let root = std::env::temp_dir().join(format!("minuet-chaos-{}-{name}", std::process::id()));
    let options = StackOptions { durable: true, ..StackOptions::for_tests(root) };
    Stack::start(options.only(parts), |_| {}).await.unwrap()
}

pub(super) async fn opened(servers: Servers<'_>, options: Options, settings: &[(&str, &str)]) -> Shop {
    let shop = Shop::new(servers, options, settings).await;
    for service in ALL {
        shop.start(service);
    }
    shop.ready().await;
    shop
}

pub(super) async fn under_way(shop: &Shop) {
    until("the load is under way", || async {
        let seen = shop.world.number("order", "select count(*) from orders").await;
        if seen > 0 { Ok(()) } else { Err(seen) }
    })
    .await;
}

pub(super) async fn postgres_dies(orders: usize) {
    let (shared, postgres) = (Servers::shared().await, alone(&[Part::Postgres], "postgres").await);
    let shop = opened(Servers { databases: &postgres, ..shared }, Options::default(), &[]).await;
    let outage = async {
        under_way(&shop).await;
        postgres.kill(Part::Postgres).await.unwrap();
        postgres.restart(Part::Postgres).await.unwrap();
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, 101, OVER), outage);
    at_rest(&shop, &acknowledged).await;
}

pub(super) async fn broker_dies(orders: usize) {
    let (shared, kafka) = (Servers::shared().await, alone(&[Part::Kafka], "kafka").await);
    let shop = opened(Servers { kafka: kafka.kafka(), ..shared }, Options::default(), &[]).await;
    let outage = async {
        under_way(&shop).await;
        kafka.kill(Part::Kafka).await.unwrap();
        kafka.restart(Part::Kafka).await.unwrap();
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, 102, OVER), outage);
    at_rest(&shop, &acknowledged).await;
}

/// Nothing that is deleted meanwhile can be cleaned away: outbox, inbox and rows keep every version that they had.
pub(super) async fn snapshot_held(orders: usize) {
    let shop = opened(Servers::shared().await, Options::default(), &[]).await;
    let mut held = Vec::new();
    for service in SERVICES {
        let mut snapshot =
            shop.world.pool(service).begin_with("begin isolation level repeatable read").await.unwrap();
        let _: i64 =
            sqlx::query_scalar("select count(*) from outbox").fetch_one(&mut *snapshot).await.unwrap();
        held.push(snapshot);
    }
    let acknowledged = load(&shop, orders, 103, Duration::from_secs(2)).await;
    at_rest(&shop, &acknowledged).await;
    for snapshot in held {
        snapshot.rollback().await.unwrap();
    }
}

/// An instance of each service joins and leaves, and joins and is killed, all the time.
pub(super) async fn rebalances(orders: usize) {
    const ROUNDS: u32 = 4;
    let shop = opened(Servers::shared().await, Options::default(), &[]).await;
    let moves = async {
        under_way(&shop).await;
        for round in 0..ROUNDS {
            let joined: Vec<Process> = SERVICES.into_iter().map(|service| shop.another(service)).collect();
            for process in &joined {
                process.logs("shards taken").await;
            }
            for process in joined {
                if round % 2 == 0 {
                    process.signal("TERM");
                    process.ended().await.well();
                } else {
                    process.kill();
                }
            }
        }
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, 104, 3 * OVER), moves);
    at_rest(&shop, &acknowledged).await;
}
