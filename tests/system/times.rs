//! Times from clocks that are wrong: a producer's, an instance's.

use minuet_events::Event;
use minuet_events::values::Micros;
use minuet_tests::{Folder, Raw, Running, World, until};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

const PRICE: &str = "select coalesce(max(unit_price * 10000), 0)::bigint from products";
const ABSURD: &str = "select count(*) from dead_letters where reason = 'absurd_time'";

/// More than the deadline of an order, than a reservation is held, and than a broker lets a record's time lie ahead.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(2 * 3_600);

fn from_now(duration: Duration) -> String {
    Micros::from_datetime(OffsetDateTime::now_utc() + duration).to_string()
}

/// A price, by a producer whose clock says that.
fn price(world: &World, price: &str, time: &str) -> Raw {
    let event = Event::from(minuet_tests::product("TEA", price, "EUR", true));
    Raw::of(&world.envelope(&event), "TEA", world.codec.encode(&event).unwrap()).with("ce_time", time)
}

/// A producer's clock decides nothing between partitions: the broker received the one message after the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_price_that_the_broker_received_last_is_the_price_whatever_clocks_say() {
    let world = World::new().await;
    let _order = world.order().await;
    let send =
        async |partition: i32, raw: Raw| world.topics.send_to("catalog.products", &raw, partition).await;
    let shown = async |wanted: i64| world.await_number("order", PRICE, wanted).await;

    send(0, price(&world, "1", &from_now(Duration::ZERO))).await;
    shown(10_000).await;
    // A clock that is years ahead, and one that was never set: both are told apart from prices.
    send(1, price(&world, "2", "2099-01-01T00:00:00Z")).await;
    send(2, price(&world, "3", "1970-01-01T00:00:00Z")).await;
    world.await_number("order", ABSURD, 2).await;
    send(3, price(&world, "4", &from_now(Duration::ZERO))).await;
    shown(40_000).await;
    // A clock that is possible, and wrong.
    send(1, price(&world, "5", &from_now(Duration::minutes(50)))).await;
    shown(50_000).await;
    send(0, price(&world, "6", &from_now(Duration::ZERO))).await;
    shown(60_000).await;
    send(2, price(&world, "7", &from_now(-Duration::days(1_000)))).await;
    shown(70_000).await;
    // Gone, and back: a tombstone has no other time than the broker's.
    send(3, Raw { key: Some(b"TEA".to_vec()), ..Raw::default() }).await;
    world.await_number("order", "select count(*) from products where not active", 1).await;
    send(0, price(&world, "8", &from_now(-Duration::days(1)))).await;
    world.await_number("order", "select count(*) from products where active", 1).await;
    shown(80_000).await;
    assert_eq!(world.number("order", "select count(*) from dead_letters").await, 2);
}

/// An instance whose machine is ahead decides nothing by that machine's clock: what an honest instance has reserved is not let
/// go, the order is not cancelled for its age, and the charge is made.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_clock_is_ahead_ends_no_order() {
    let (world, folder) = (World::new().await, Folder::new());
    let ahead = |service: &str| world.process(&folder, service).ahead(AHEAD);
    let (order_service, inventory) = (world.order().await, world.inventory().await);
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    world
        .await_number("inventory", "select count(*) from order_reservations where status = 'reserved'", 1)
        .await;
    world.await_number("inventory", "select count(*) from outbox", 0).await;
    order_service.stop().await;
    inventory.stop().await;

    let start = |service: &str| ahead(service).start();
    let (order_service, inventory) = (start("order"), start("inventory"));
    for (service, process) in [("order", &order_service), ("inventory", &inventory)] {
        process.logs("clocks differ").await;
        // A sweep has passed over every shard since, and by the database's time.
        const PASSED: &str =
            "select count(*) from shards where swept_until > taken_at - interval '3 minutes'";
        world.await_number(service, PASSED, 4).await;
        const FUTURE: &str = "select count(*) from shards where swept_until > now()";
        assert_eq!(world.number(service, FUTURE).await, 0, "{service} has swept the future");
    }
    assert_eq!(world.status(order).await.as_deref(), Some("pending"));

    let payment = ahead("payment");
    let payment = payment
        .env("MINUET_PAYMENT__PROVIDER__SUCCESS_RATE", "1.0")
        .env("MINUET_PAYMENT__PROVIDER__LATENCY_MS", "1")
        .start();
    world.await_status(order, "confirmed").await;
    until("the meter shows how far ahead the clock is", || async {
        let skew = payment.metrics().await.get("clock_skew_seconds", &["reference=\"database\""]);
        if skew.is_some_and(|skew| (skew - AHEAD.as_secs_f64()).abs() < 60.0) { Ok(()) } else { Err(skew) }
    })
    .await;
}

/// Gives a database a clock of its own, which [`set_clock`] sets: the services ask `clock_timestamp()` for the time.
async fn own_clock(world: &World, service: &str) {
    for statement in [
        "create table ahead (minutes int not null)",
        "insert into ahead values (0)",
        "create function clock_timestamp() returns timestamptz language sql as
             'select pg_catalog.clock_timestamp() + (select minutes from public.ahead) * interval ''1 minute'''",
        // Named after public, the system's functions come second. For sessions that begin from now on.
        "do $$ begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end $$",
    ] {
        sqlx::raw_sql(statement).execute(world.pool(service)).await.unwrap();
    }
}

async fn set_clock(world: &World, service: &str, minutes: i32) {
    let set = sqlx::query("update ahead set minutes = $1").bind(minutes);
    set.execute(world.pool(service)).await.unwrap();
}

/// Waits until the service knows how far its database's clock is ahead of the broker's.
async fn await_skew(service: &Running, minutes: i32) {
    until("the meter shows how far the database's clock is ahead", || async {
        let skew = service.metrics().await.get("clock_skew_seconds", &["reference=\"broker\""]);
        let wanted = f64::from(minutes) * 60.0;
        if skew.is_some_and(|skew| (skew - wanted).abs() < 5.0) { Ok(()) } else { Err(skew) }
    })
    .await;
}

/// Databases whose clock jumps, further than a reservation is held: nothing is decided by time until they agree with the broker.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_clock_jumps_ends_no_order() {
    const RESERVED: &str = "select count(*) from order_reservations where status = 'reserved'";
    const FUTURE: &str = "select count(*) from shards where swept_until > pg_catalog.now()";
    let world = World::new().await;
    for service in ["order", "inventory"] {
        own_clock(&world, service).await;
    }
    let (order_service, inventory) = (world.order().await, world.inventory().await);
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    world.await_number("inventory", RESERVED, 1).await;

    for minutes in [45, -45] {
        for (service, running) in [("order", &order_service), ("inventory", &inventory)] {
            set_clock(&world, service, minutes).await;
            await_skew(running, minutes).await;
        }
        // While it is so, sweeps come each 50 ms, and an order goes its way.
        let reserved = world.number("inventory", RESERVED).await;
        world.submit(&[("VASE", 1)]).await;
        world.await_number("inventory", RESERVED, reserved + 1).await;
        for service in ["order", "inventory"] {
            assert_eq!(world.number(service, FUTURE).await, 0, "{service} has swept the future");
        }
        assert_eq!(world.status(order).await.as_deref(), Some("pending"), "{minutes} minutes ahead");
    }

    for (service, running) in [("order", &order_service), ("inventory", &inventory)] {
        set_clock(&world, service, 0).await;
        await_skew(running, 0).await;
    }
    let _payment = world.payment().await;
    world.await_status(order, "confirmed").await;
}

/// A gateway whose machine is hours ahead: what it acknowledges has the broker's time.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_acknowledges_is_decided_whatever_its_clock_says() {
    const SECRET: &str = "a secret that is only used in tests";
    let (world, folder) = (World::new().await, Folder::new());
    let services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let gateway = world.process(&folder, "gateway").ahead(AHEAD);
    let gateway = gateway
        .env("MINUET_GATEWAY__JWT_SECRET", SECRET)
        .env("MINUET_GATEWAY__ORDER_URL", services[0].url())
        .env("MINUET_GATEWAY__INVENTORY_URL", services[1].url())
        .start();
    let orders = format!("{}/v1/orders", gateway.url().await);
    // Valid by both clocks.
    let token = minuet_identity::development_token(SECRET, "ada", false, 2 * AHEAD).unwrap();
    for _ in 0..2 {
        let order = json!({"payment_method": "paypal", "lines": [{"sku": "VASE", "quantity": 1}]});
        let request = reqwest::Client::new().post(&orders).bearer_auth(&token).header("prefer", "wait=20");
        let answer: Value = request.json(&order).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "confirmed", "{answer:#}");
    }
    // Of the first order, before the broker had said its time.
    world.await_number("order", ABSURD, 1).await;
}
