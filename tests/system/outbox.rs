//! The outbox under hard conditions: a row that no broker takes, and fill after fill.

use minuet_events::partition;
use minuet_tests::{Consumed, World, assert_books_balance, submission};
use sqlx::PgPool;

/// Appends a row as a service does, with the headers of an event that was published before.
async fn append(pool: &PgPool, partitions: u32, event: &Consumed, payload: &[u8]) {
    let topic = event.topic.split_once('.').unwrap().1;
    let lines: String = event.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    sqlx::query("insert into outbox (shard, topic, key, headers, payload) values ($1, $2, $3, $4, $5)")
        .bind(partition::shard(event.key.as_bytes(), partitions) as i16)
        .bind(topic)
        .bind(&event.key)
        .bind(lines)
        .bind(payload)
        .execute(pool)
        .await
        .unwrap();
}

/// Refused by the client already, and by the broker only: the key stops, with what comes after it, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_stops_its_key_only() {
    let world = World::new().await;
    let services = world.services().await;
    let pool = world.pool("order");
    world.product("VASE", "30.00", &[("BER", 1_000)]).await;
    for size in [1_500_000, 3_000_000] {
        let order = world.submit(&[("VASE", 1)]).await;
        world.await_status(order, "confirmed").await;
        world.await_number("order", "select count(*) from outbox", 0).await;
        let key = order.to_string();
        let events = world.topics.about(&key, &["orders.events"]).await;
        let last = events.last().unwrap();
        append(pool, world.options.partitions, last, &vec![0; size]).await;
        append(pool, world.options.partitions, last, &last.payload).await;

        // Others go on, those of the same shard too.
        let shard = |key: &str| partition::shard(key.as_bytes(), world.options.partitions);
        for _ in 0..3 {
            let neighbour = std::iter::repeat_with(|| submission(&[("VASE", 1)]))
                .find(|other| shard(&other.order_id.to_string()) == shard(&key))
                .unwrap();
            let id = neighbour.order_id;
            world.publish(neighbour).await;
            world.await_status(id, "confirmed").await;
        }
        let ready = reqwest::get(format!("{}/readyz", services[0].url())).await.unwrap();
        assert_eq!(ready.status(), 200, "the broker is well: {}", ready.text().await.unwrap());
        world.await_number("order", "select count(*) from outbox", 2).await;
        let now = world.topics.about(&key, &["orders.events"]).await;
        assert_eq!(now.len(), events.len(), "what comes after it waits");

        // Without it the key goes on.
        sqlx::query("delete from outbox where octet_length(payload) > 1000000").execute(pool).await.unwrap();
        world.await_number("order", "select count(*) from outbox", 0).await;
        let now = world.topics.about(&key, &["orders.events"]).await;
        assert_eq!(now.len(), events.len() + 1);
    }
    assert_books_balance(&world).await;
}

/// Filled and drained again and again, the table keeps the size of its fullest moment: its dead rows' space is used again once it
/// was vacuumed, which the server does after 10,000 of them (here it is told to, since it looks once a minute).
#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_fills_and_drains_does_not_grow() {
    const ROUNDS: usize = 12;
    const FILL: &str = "insert into outbox (shard, topic, key, headers, payload)
         select n % 4, 'order.dead-letters', 'key ' || n, E'ce_id: x\n', decode(repeat('ab', 300), 'hex') from generate_series(1, 5000) n";
    let world = World::new().await;
    let _order = world.order().await;
    let pool = world.pool("order");
    let mut sizes = Vec::new();
    for round in 0..ROUNDS {
        sqlx::query(FILL).execute(pool).await.unwrap();
        world.await_number("order", "select count(*) from outbox", 0).await;
        if round % 2 == 1 {
            sqlx::raw_sql("vacuum outbox").execute(pool).await.unwrap();
            sizes.push(world.number("order", "select pg_total_relation_size('outbox')").await);
        }
    }
    println!("bytes of the outbox, after each 10,000 rows: {sizes:?}");
    let first = sizes[0];
    assert!(sizes.iter().all(|size| *size <= first + first / 4), "it grows: {sizes:?}");
}
