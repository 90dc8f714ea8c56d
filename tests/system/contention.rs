//! Many orders on few products: books balance, nobody deadlocks.

use std::collections::BTreeMap;

use minuet_payment::provider::ProviderSettings;
use minuet_tests::{Options, World, assert_books_balance, submission};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_orders_on_few_products_balance() {
    let provider =
        ProviderSettings { latency_ms: 5, success_rate: 0.9, seed: 7, ..ProviderSettings::default() };
    let world = World::with(Options { provider, ..Options::default() }).await;
    let _services = world.services().await;
    let skus = ["A", "B", "C", "D", "E"];
    for sku in skus {
        world.product(sku, "12.34", &[("BER", 90), ("MUC", 60)]).await;
    }

    let orders = (0..500).map(|n: usize| {
        let world = &world;
        let (one, other) = (skus[n % 5], skus[(n * 3 + 1) % 5]);
        async move {
            if one == other {
                world.submit(&[(one, 2)]).await
            } else {
                world.submit(&[(one, 1), (other, 2)]).await
            }
        }
    });
    futures::future::join_all(orders).await;

    world.await_number("order", "select count(*) from orders", 500).await;
    assert_books_balance(&world).await;
    let rows: Vec<(String, i64)> = sqlx::query_as("select status::text, count(*) from orders group by 1")
        .fetch_all(world.pool("order"))
        .await
        .unwrap();
    let ends: BTreeMap<String, i64> = rows.into_iter().collect();
    for end in ["confirmed", "cancelled", "failed"] {
        assert!(ends.get(end).is_some_and(|n| *n > 0), "the load is meant to reach every end: {ends:?}");
    }
    let dense = "select count(*) from stock s where version <> (select count(*) from adjustments a where a.sku = s.sku and a.warehouse_code = s.warehouse_code)
        + (select count(*) from reservations r where r.sku = s.sku and r.warehouse_code = s.warehouse_code) * 2";
    assert_eq!(
        world.number("inventory", dense).await,
        0,
        "each level counts its changes: a reservation and its end are two"
    );
}

/// The consumer, the sweeper, the samplers and whoever asks over HTTP share it.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_enough_for_everybody() {
    let world = World::with(Options { database_connections: 1, ..Options::default() }).await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.product("VASE", "30.00", &[("BER", 50)]).await;
    for _ in 0..3 {
        let order = world.submit(&[("VASE", 1)]).await;
        world.await_status(order, "confirmed").await;
        let shown = api.send(api.as_user(Method::GET, &format!("/v1/orders/{order}"))).await;
        assert_eq!((shown.status.as_u16(), &shown.body["status"]), (200, &json!("confirmed")));
    }
}

/// Orders that want the same products in opposite order, from two instances of inventory at once. A lock in the middle lets
/// both begin to lock, and then lets them go: whoever locks in another order than the other meets it there.
#[tokio::test(flavor = "multi_thread")]
async fn opposite_orders_do_not_deadlock() {
    let world = World::new().await;
    let order = world.order().await;
    let _payment = world.payment().await;
    let _one = world.inventory().await;
    let _two = world.inventory().await;
    let skus = ["P1", "P2", "P3", "P4", "P5", "P6"];
    for sku in skus {
        world.product(sku, "1.00", &[("BER", 1_000)]).await;
    }

    for round in 1..=4 {
        let mut middle = world.pool("inventory").begin().await.unwrap();
        sqlx::query("select 1 from stock where sku = 'P3' for update").execute(&mut *middle).await.unwrap();
        let orders = (0..60_usize).map(|n| {
            let mut lines: Vec<(&str, u32)> = skus.iter().map(|sku| (*sku, 1)).collect();
            if n % 2 == 1 {
                lines.reverse();
            }
            world.publish(submission(&lines))
        });
        futures::future::join_all(orders).await;
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%from stock%'";
        world.await_number("inventory", waiting, 2).await;
        middle.commit().await.unwrap();
        let confirmed = "select count(*) from orders where status = 'confirmed'";
        world.await_number("order", confirmed, round * 60).await;
    }
    assert_books_balance(&world).await;

    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(world.pool("inventory")).await.unwrap();
    let deadlocks: i64 = sqlx::query_scalar("select deadlocks from pg_stat_database where datname = $1")
        .bind(name)
        .fetch_one(world.pool("inventory"))
        .await
        .unwrap();
    assert_eq!(deadlocks, 0);
    assert_eq!(order.counts().await["parked"], 0);
}
