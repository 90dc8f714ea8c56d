//! Shards move: between instances, and by mistake.

use minuet_tests::{SERVICES, World, assert_books_balance};

/// Somebody raises every epoch while orders are under way. Whoever was fenced takes its shards back, reads again what it
/// had dropped, and nothing is lost or done twice.
#[tokio::test(flavor = "multi_thread")]
async fn shards_that_were_taken_by_mistake_are_taken_back() {
    let world = World::new().await;
    let _services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 1_000)]).await;
    for round in 1..=3 {
        let orders = (0..100).map(|_| world.submit(&[("VASE", 1)]));
        futures::future::join_all(orders).await;
        for service in SERVICES {
            sqlx::query("with s as (select shard from shards order by shard for update)
                 update shards set epoch = epoch + 1, owner = 'a stranger' from s where shards.shard = s.shard")
                .execute(world.pool(service))
                .await
                .unwrap();
        }
        let late = (0..50).map(|_| world.submit(&[("VASE", 1)]));
        futures::future::join_all(late).await;
        world
            .await_number("order", "select count(*) from orders where status = 'confirmed'", round * 150)
            .await;
    }
    assert_books_balance(&world).await;
}

/// A second instance comes, the first one goes, under load.
#[tokio::test(flavor = "multi_thread")]
async fn instances_come_and_go() {
    let world = World::new().await;
    let [order, inventory, payment] = world.services().await;
    world.product("VASE", "30.00", &[("BER", 1_000)]).await;
    let submit = async |n: usize| {
        futures::future::join_all((0..n).map(|_| world.submit(&[("VASE", 1)]))).await;
    };
    submit(60).await;
    let second = world.services().await;
    submit(60).await;
    tokio::join!(order.stop(), inventory.abort(), payment.stop());
    submit(60).await;
    let third = world.services().await;
    submit(60).await;
    let [order, inventory, payment] = second;
    tokio::join!(order.abort(), inventory.stop(), payment.abort());
    submit(60).await;
    world.await_number("order", "select count(*) from orders where status = 'confirmed'", 300).await;
    assert_books_balance(&world).await;
    drop(third);
}
