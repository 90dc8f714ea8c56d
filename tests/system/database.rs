//! A database that is there and does not serve: silent, read-only, changed beneath prepared statements.

use std::time::{Duration, Instant};

use minuet_events::partition;
use minuet_tests::{Running, World, assert_books_balance, until};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::chaos::proxy::{Proxy, Wire};
use crate::chaos::shop::free_port;

/// The service reaches its database by this wire from now on; the test looks into it directly.
async fn behind_a_wire(world: &mut World, service: &'static str) -> Proxy {
    let url = world.settings(service).database_url;
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    let wire = Proxy::start(free_port(), port.parse().unwrap()).await;
    let url = url.replace(&format!(":{port}/"), &format!(":{}/", wire.port));
    world.replace_database(service, url, world.pool(service).clone());
    wire
}

async fn status(url: &str) -> u16 {
    reqwest::get(url).await.unwrap().status().as_u16()
}

async fn execute(world: &World, service: &str, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(world.pool(service)).await.unwrap();
}

async fn database(world: &World, service: &str) -> String {
    sqlx::query_scalar("select current_database()::text").fetch_one(world.pool(service)).await.unwrap()
}

async fn await_readiness(order: &Running, wanted: u16) {
    let url = format!("{}/readyz", order.url());
    until(&format!("{} answers {wanted}", order.name), || async {
        let answer = reqwest::get(&url).await.unwrap();
        if answer.status() == wanted { Ok(()) } else { Err(answer.text().await) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_is_noticed_within_seconds() {
    let mut world = World::new().await;
    let wire = behind_a_wire(&mut world, "order").await;
    let services = world.services().await;
    world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let before = world.submit(&[("CHAIR", 1)]).await;
    world.await_status(before, "confirmed").await;

    wire.set(Wire::Hole);
    let begun = Instant::now();
    let meanwhile = world.submit(&[("CHAIR", 1)]).await;
    await_readiness(&services[0], 503).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "not ready after {:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(status(&format!("{}/orders/{before}", services[0].url())).await, 503);
    assert!(begun.elapsed() < Duration::from_secs(20), "answered after {:?}", begun.elapsed());

    wire.set(Wire::Good);
    world.await_status(meanwhile, "confirmed").await;
    await_readiness(&services[0], 200).await;
    assert_books_balance(&world).await;
}

/// Sessions that were opened while the server was read-only stay so: none is used for longer than one failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_read_only_is_written_soon_after() {
    let world = World::new().await;
    let services = world.services().await;
    world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let before = world.submit(&[("CHAIR", 1)]).await;
    world.await_status(before, "confirmed").await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    let name = database(&world, "order").await;

    // A row that the relay can read and publish, and not delete.
    let key = before.to_string();
    let events = world.topics.about(&key, &["orders.events"]).await;
    let last = events.last().unwrap();
    let lines: String = last.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    execute(&world, "order", format!("alter database {name} set default_transaction_read_only = on")).await;
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    let url = world.settings("order").database_url;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("set default_transaction_read_only = off").execute(&mut admin).await.unwrap();
    sqlx::query(end).execute(&mut admin).await.unwrap();
    sqlx::query("insert into outbox (shard, topic, key, headers, payload) values ($1, $2, $3, $4, $5)")
        .bind(partition::shard(key.as_bytes(), world.options.partitions) as i16)
        .bind("orders.events")
        .bind(&key)
        .bind(lines)
        .bind(&last.payload)
        .execute(&mut admin)
        .await
        .unwrap();
    let meanwhile = world.submit(&[("CHAIR", 1)]).await;
    await_readiness(&services[0], 503).await;
    // Reading goes on, in sessions that are read-only as well, while several deletes fail.
    let orders = format!("{}/orders/{before}", services[0].url());
    let begun = Instant::now();
    until("reads succeed for a while", || async {
        let answers = futures::future::join_all((0..4).map(|_| status(&orders))).await;
        if answers == [200; 4] && begun.elapsed() > Duration::from_secs(4) { Ok(()) } else { Err(answers) }
    })
    .await;

    sqlx::raw_sql(AssertSqlSafe(format!("alter database {name} reset default_transaction_read_only")))
        .execute(&mut admin)
        .await
        .unwrap();
    let begun = Instant::now();
    world.await_status(meanwhile, "confirmed").await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "written after {:?}", begun.elapsed());
    await_readiness(&services[0], 200).await;
    let now = world.topics.about(&key, &["orders.events"]).await;
    assert!(now.len() <= events.len() + 3, "{} copies of one row", now.len() - events.len());
    assert_books_balance(&world).await;
}

/// A migration changes tables while their statements are prepared in every session.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_fails_no_request() {
    let world = World::new().await;
    let services = world.services().await;
    world.product("CHAIR", "49.90", &[("BER", 100)]).await;
    let first = world.submit(&[("CHAIR", 1)]).await;
    world.await_status(first, "confirmed").await;
    let url = format!("{}/orders/{first}", services[0].url());
    for change in [
        "alter table dead_letters add column note text",
        "alter table orders add column note text",
        // Statements that name the column have another result from now on.
        "alter table orders alter column user_id type varchar(300)",
        "alter table orders alter column user_id type text",
    ] {
        // In every session of the pool, more than once.
        for _ in 0..8 {
            let answers = futures::future::join_all((0..8).map(|_| status(&url))).await;
            assert_eq!(answers, [200; 8], "before: {change}");
        }
        execute(&world, "order", change.to_owned()).await;
        let answers = futures::future::join_all((0..8).map(|_| status(&url))).await;
        assert_eq!(answers, [200; 8], "after: {change}");
        let next = world.submit(&[("CHAIR", 1)]).await;
        world.await_status(next, "confirmed").await;
    }
    assert_books_balance(&world).await;
}

/// Under load, too, a connection ends at its age.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_ends_at_its_age() {
    let world = World::new().await;
    let mut parts = world.parts("order");
    parts.settings.connection_lifetime = Duration::from_secs(2);
    let settings =
        minuet_order::Settings { listen: ([127, 0, 0, 1], 0).into(), ..minuet_order::Settings::default() };
    let _order = Running::start("order", move |bound, shutdown| async move {
        minuet_order::run(settings, parts, bound, shutdown).await.map_err(|error| format!("{error:?}"))
    })
    .await;
    let _others = [world.inventory().await, world.payment().await];
    world.product("CHAIR", "49.90", &[("BER", 1_000)]).await;
    let opened = "select count(*) from pg_stat_activity where datname = current_database()
                  and application_name in ('minuet-order') and backend_start < $1";
    let begun: time::OffsetDateTime =
        sqlx::query_scalar("select now()").fetch_one(world.pool("order")).await.unwrap();
    until("no connection of the start is left, under load", || async {
        let order = world.submit(&[("CHAIR", 1)]).await;
        world.await_status(order, "confirmed").await;
        let left: i64 = sqlx::query_scalar(opened).bind(begun).fetch_one(world.pool("order")).await.unwrap();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    let took = time::OffsetDateTime::now_utc() - begun;
    assert!(took < time::Duration::seconds(20), "they lived for {took}");
}
