//! What a dead instance left behind, and what it choked on.

use std::time::{Duration, Instant};

use futures::future::join_all;
use minuet_events::Event;
use minuet_events::values::{OrderId, UserId};
use minuet_tests::{Options, Servers, submission, until};

use super::load::load;
use super::outages::opened;
use super::rest::at_rest;
use super::shop::{PLENTY, Shop};

/// Half of a batch on each side.
const HALF: usize = 250;
const LEFT: i64 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_nobody_can_process_stops_only_itself() {
    poison().await;
}

/// The batch of 501 has an event that cannot be read, and one that the database refuses.
pub(super) async fn poison() {
    let shop = opened(Servers::shared().await, Options { partitions: 1, ..Options::default() }, &[]).await;
    let order = shop.world.pool("order");
    sqlx::raw_sql(
        "create function refuse() returns trigger language plpgsql as
             $$ begin raise exception 'poison' using errcode = '23514'; end $$;
         create trigger refuse before insert on orders for each row when (new.user_id = 'poison') execute function refuse();",
    )
    .execute(order)
    .await
    .unwrap();
    // Gone while they come, so that they come at once.
    shop.process("order").signal("TERM");
    shop.process("order").ended().await.well();
    let mut acknowledged = many(&shop, HALF).await;
    let mut poison = submission(&[(PLENTY[0], 1)]);
    poison.user_id = UserId::parse("poison").unwrap();
    shop.world.publish(poison.clone()).await;
    acknowledged.extend(many(&shop, HALF).await);
    shop.start("order");

    let parked = async || -> Vec<(String, Option<Vec<u8>>)> {
        sqlx::query_as("select reason, key from dead_letters").fetch_all(order).await.unwrap()
    };
    until("the poison is parked", || async {
        let seen = parked().await;
        if seen.is_empty() { Err(seen) } else { Ok(()) }
    })
    .await;
    let key = poison.order_id.to_string().into_bytes();
    assert_eq!(parked().await, [("constraint".to_owned(), Some(key))]);
    sqlx::raw_sql("drop trigger refuse on orders; delete from dead_letters").execute(order).await.unwrap();
    at_rest(&shop, &acknowledged).await;
}

async fn many(shop: &Shop, orders: usize) -> Vec<OrderId> {
    let submissions = (0..orders).map(|_| async {
        let submitted = submission(&[(PLENTY[0], 1)]);
        let order = submitted.order_id;
        shop.world.publish(Event::from(submitted)).await;
        order
    });
    join_all(submissions).await
}

/// The order service died with an outbox of 100,000 rows: repetitions of what it had published, each under its id.
pub(super) async fn long_outbox(orders: usize) {
    let shop = opened(Servers::shared().await, Options::default(), &[]).await;
    let order = shop.world.pool("order");
    sqlx::raw_sql(
        "create table kept (like outbox including defaults);
         create function keep() returns trigger language plpgsql as
             $$ begin insert into kept select new.*; return new; end $$;
         create trigger keep after insert on outbox for each row execute function keep();",
    )
    .execute(order)
    .await
    .unwrap();
    let mut acknowledged = load(&shop, orders / 2, 105, Duration::from_secs(1)).await;
    at_rest(&shop, &acknowledged).await;
    shop.kill("order");
    sqlx::raw_sql("drop trigger keep on outbox").execute(order).await.unwrap();
    let left = sqlx::query(
        "insert into outbox (shard, topic, key, headers, payload)
         select shard, topic, key, headers, payload from kept, generate_series(1, $1) n order by n, id limit $1",
    )
    .bind(LEFT)
    .execute(order)
    .await
    .unwrap();
    assert_eq!(left.rows_affected(), LEFT.unsigned_abs());
    shop.start("order");
    let begun = Instant::now();
    // A key of its own, so that it is another order than before.
    acknowledged.extend(many(&shop, orders / 2).await);
    at_rest(&shop, &acknowledged).await;
    println!(
        "{LEFT} rows were published, and everything was at rest, {:.1} s after",
        begun.elapsed().as_secs_f64()
    );
}
