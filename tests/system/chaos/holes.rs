//! Databases that neither answer nor end a connection.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use minuet_tests::{Options, Process, SERVICES, Servers, until};
use tokio::time::sleep;

use super::load::load;
use super::outages::{OVER, under_way};
use super::proxy::{Proxy, Wire};
use super::rest::at_rest;
use super::shop::{ALL, Shop, free_port};

/// How long the shards may stay with an instance that has lost its database.
const TAKEN_OVER: Duration = Duration::from_secs(30);
/// How long an instance may say that it is ready meanwhile.
const NOTICED: Duration = Duration::from_secs(10);

/// Its services reach their databases by the wire. Gives the direct URLs, too.
async fn behind_a_wire() -> (Shop, Proxy, BTreeMap<&'static str, String>) {
    let mut shop = Shop::new(Servers::shared().await, Options::default(), &[]).await;
    let direct: BTreeMap<&'static str, String> =
        SERVICES.into_iter().map(|service| (service, shop.world.settings(service).database_url)).collect();
    let port = direct["order"].rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    let wire = Proxy::start(free_port(), port.parse().unwrap()).await;
    for (service, url) in &direct {
        let url = url.replace(&format!(":{port}/"), &format!(":{}/", wire.port));
        shop.set(&format!("MINUET_{}__DATABASE_URL", service.to_uppercase()), &url);
    }
    for service in ALL {
        shop.start(service);
    }
    shop.ready().await;
    (shop, wire, direct)
}

/// One instance of each service falls into the hole, another does not.
pub(super) async fn black_hole(orders: usize) {
    let (shop, wire, direct) = behind_a_wire().await;
    let mut lost = BTreeMap::new();
    for service in SERVICES {
        let owner: String = sqlx::query_scalar("select min(owner) from shards")
            .fetch_one(shop.world.pool(service))
            .await
            .unwrap();
        lost.insert(service, owner);
    }
    let others: Vec<Process> =
        SERVICES.into_iter().map(|service| shop.another_on(service, &direct[service])).collect();
    for process in &others {
        process.logs("shards taken").await;
    }
    let trouble = async {
        under_way(&shop).await;
        wire.set(Wire::Hole);
        let begun = Instant::now();
        for service in SERVICES {
            until(&format!("{service} is not ready"), || async {
                if shop.is_ready(service).await.is_err() { Ok(()) } else { Err("ready") }
            })
            .await;
        }
        assert!(begun.elapsed() < NOTICED, "not ready only after {:?}", begun.elapsed());
        for service in SERVICES {
            until(&format!("{service} has given up its shards"), || async {
                let held: i64 = sqlx::query_scalar("select count(*) from shards where owner = $1")
                    .bind(&lost[service])
                    .fetch_one(shop.world.pool(service))
                    .await
                    .unwrap();
                if held == 0 { Ok(()) } else { Err(held) }
            })
            .await;
        }
        let took = begun.elapsed();
        assert!(took < TAKEN_OVER, "the shards were taken over after {took:?}");
        eprintln!("taken over after {took:?}");
        wire.set(Wire::Good);
        shop.ready().await;
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, 107, 2 * OVER), trouble);
    at_rest(&shop, &acknowledged).await;
}

/// A firewall forgets every connection, and then again: new ones are well.
pub(super) async fn lost_connections(orders: usize) {
    let (shop, wire, _direct) = behind_a_wire().await;
    let trouble = async {
        under_way(&shop).await;
        for _ in 0..2 {
            wire.set(Wire::Lost);
            sleep(Duration::from_secs(1)).await;
            wire.set(Wire::Good);
            sleep(Duration::from_secs(4)).await;
        }
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, 108, 2 * OVER), trouble);
    let begun = Instant::now();
    at_rest(&shop, &acknowledged).await;
    eprintln!("at rest after {:?}", begun.elapsed());
}
