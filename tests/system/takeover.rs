//! Shards move: between instances, and by mistake.

use std::sync::Arc;
use std::time::Instant;

use minuet_tests::{Folder, Options, Provider, SERVICES, World, assert_books_balance, until};

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

/// Sessions of payment's database that wait for a lock with a statement of this kind.
async fn waits_for_a_lock(world: &World, statement: &str) {
    until(&format!("a session waits: {statement}"), || async {
        let waiting: Vec<String> = sqlx::query_scalar(
            "select query from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_all(world.pool("payment"))
        .await
        .unwrap();
        if waiting.iter().any(|query| query.contains(statement)) { Ok(()) } else { Err(waiting) }
    })
    .await;
}

/// The provider answers while payment has raised the epoch of its shard and does not hold the shard yet. The answers are
/// dropped then: the calls stay open, and are looked up once the shard is held.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_left_behind_that_is_answered_while_its_shard_is_taken_back() {
    const ORDERS: u32 = 20;
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let provider = Arc::new(Provider::holding_answers());
    let (_order, _inventory) = (world.order().await, world.inventory().await);
    let payment = world.payment_with(Arc::clone(&provider)).await;
    world.product("VASE", "30.00", &[("BER", 100)]).await;
    futures::future::join_all((0..ORDERS).map(|_| world.submit(&[("VASE", 1)]))).await;
    until("every charge waits for its answer", || async {
        let charges = provider.count("charge");
        if charges == ORDERS as usize { Ok(()) } else { Err(charges) }
    })
    .await;

    // Payment notices its loss with the next event, and cannot raise the epoch before the gap is prepared.
    let mut taking = world.pool("payment").begin().await.unwrap();
    sqlx::query("update shards set epoch = epoch + 1, owner = 'a stranger'")
        .execute(world.pool("payment"))
        .await
        .unwrap();
    sqlx::query("select from shards for share").execute(&mut *taking).await.unwrap();
    world.submit(&[("VASE", 1)]).await;
    waits_for_a_lock(&world, "insert into shards").await;

    // The gap: the epoch is raised, and the positions cannot be compared.
    let mut comparing = world.pool("payment").begin().await.unwrap();
    sqlx::query("lock table consumed_positions in access exclusive mode")
        .execute(&mut *comparing)
        .await
        .unwrap();
    taking.rollback().await.unwrap();
    waits_for_a_lock(&world, "consumed_positions").await;
    world.await_number("payment", "select count(*) from shards where owner <> 'a stranger'", 1).await;
    provider.let_go();
    until("the provider has answered every charge", || async {
        let answered = payment.metrics().await.get("payment_gateway_duration_seconds_count", &[]);
        if answered.is_some_and(|answered| answered >= f64::from(ORDERS)) { Ok(()) } else { Err(answered) }
    })
    .await;
    let still_open = world.number("payment", "select count(*) from open_calls").await;
    assert_eq!(still_open, i64::from(ORDERS), "an answer was recorded without its shard");
    comparing.rollback().await.unwrap();

    let confirmed = "select count(*) from orders where status = 'confirmed'";
    world.await_number("order", confirmed, i64::from(ORDERS) + 1).await;
    world.await_number("payment", "select count(*) from open_calls", 0).await;
    assert_eq!(provider.count("charge"), ORDERS as usize + 1, "each was charged once");
    assert!(provider.count("look_up") >= ORDERS as usize, "{:?}", provider.calls());
    assert_books_balance(&world).await;
}

/// How long the shards of an instance that goes have no living owner, by both protocols of the group. Prints a line for each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn how_long_a_takeover_takes() {
    const OWNERS: &str = "select count(distinct owner) from shards";
    for protocol in ["classic", "consumer"] {
        for (how, signal) in [("killed", "KILL"), ("told to stop", "TERM")] {
            let (world, folder) = (World::new().await, Folder::new());
            let start =
                || world.process(&folder, "order").env("MINUET_KAFKA__GROUP_PROTOCOL", protocol).start();
            let mut instance = start();
            world.await_number("order", OWNERS, 1).await;
            let mut took = Vec::new();
            for _ in 0..5 {
                let next = start();
                world.await_number("order", OWNERS, 2).await;
                let begun = Instant::now();
                instance.signal(signal);
                world.await_number("order", OWNERS, 1).await;
                took.push(begun.elapsed().as_secs_f64());
                instance = next;
            }
            took.sort_by(f64::total_cmp);
            println!("{protocol}, {how}: {:.1} to {:.1} s, median {:.1}", took[0], took[4], took[2]);
        }
    }
}
