//! What the relay sends from memory, and what it leaves to the table.

use std::collections::BTreeMap;

use futures::future::join_all;
use minuet_events::orders::OrderCancellationRequested;
use minuet_events::values::{OrderId, UserId};
use minuet_events::{Event, partition};
use minuet_tests::{Options, Raw, Running, World, until};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

const PARTITIONS: u32 = 4;

/// An order that has ended: every request to cancel it is refused by an event of its own, under the next sequence.
async fn ended(world: &World) -> OrderId {
    let order = world.submit(&[("NOT-FOR-SALE", 1)]).await;
    world.await_status(order, "failed").await;
    order
}

/// Asks for the order to be cancelled, by a message on this partition.
async fn cancel(world: &World, order: OrderId, partition: i32) {
    let (requested_by, reason) = (UserId::parse("anna").unwrap(), "too late".to_owned());
    let event = Event::from(OrderCancellationRequested { order_id: order, requested_by, reason });
    let payload = world.codec.encode(&event).unwrap();
    let raw = Raw::of(&world.envelope(&event), &order.to_string(), payload);
    world.topics.send_to("orders.intake", &raw, partition).await;
}

fn shard_of(order: OrderId) -> i32 {
    partition::shard(order.to_string().as_bytes(), PARTITIONS).cast_signed()
}

/// The sequences of the order's events, in the order of their first appearance.
async fn sequences(world: &World, order: OrderId) -> Vec<i64> {
    let events = world.topics.about(&order.to_string(), &["orders.events"]).await;
    let mut seen = Vec::new();
    for sequence in events.iter().filter_map(|event| event.envelope.sequence) {
        if !seen.contains(&sequence) {
            seen.push(sequence);
        }
    }
    seen
}

/// How many rows the instance has sent from there.
async fn sent(service: &Running, origin: &str) -> u64 {
    let label = format!("origin=\"{origin}\"");
    service.metrics().await.get("outbox_published_count_total", &[&label]).unwrap_or_default() as u64
}

async fn await_last(world: &World, order: OrderId, sequence: i64) {
    until("the last event is committed", || async {
        let last: i64 = sqlx::query_scalar("select event_sequence from orders where id = $1")
            .bind(uuid::Uuid::from(order))
            .fetch_one(world.pool("order"))
            .await
            .unwrap();
        if last == sequence { Ok(()) } else { Err(last) }
    })
    .await;
}

/// A producer with a partitioner of its own spreads the events of one order over the partitions of two instances. The instance
/// that owns the order's shard knows nothing of the rows that the other one commits: it must not send its own before them.
#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_another_instance_is_not_overtaken() {
    const ORDERS: usize = 8;
    const ROUNDS: i64 = 6;
    let world = World::with(Options { partitions: PARTITIONS, ..Options::default() }).await;
    let _instances = (world.order().await, world.order().await);
    let owners = until("each instance owns half of the shards", || async {
        let rows: Vec<(i16, String)> =
            sqlx::query_as("select shard, owner from shards").fetch_all(world.pool("order")).await.unwrap();
        let owners: BTreeMap<i32, String> =
            rows.into_iter().map(|(shard, owner)| (i32::from(shard), owner)).collect();
        let first = owners.values().next();
        let of_first = owners.values().filter(|owner| Some(*owner) == first).count();
        if owners.len() == 4 && of_first == 2 { Ok(owners) } else { Err(owners) }
    })
    .await;
    let orders = join_all((0..ORDERS).map(|_| ended(&world))).await;
    for _ in 0..ROUNDS {
        let requests = orders.iter().flat_map(|order| {
            let own = shard_of(*order);
            let foreign = *owners.iter().find(|(_, owner)| **owner != owners[&own]).unwrap().0;
            [cancel(&world, *order, foreign), cancel(&world, *order, own)]
        });
        join_all(requests).await;
    }
    let last = 1 + 2 * ROUNDS;
    for order in orders {
        await_last(&world, order, last).await;
        world.await_number("order", "select count(*) from outbox", 0).await;
        let seen = sequences(&world, order).await;
        assert_eq!(seen, (1..=last).collect::<Vec<_>>(), "order {order} of shard {}", shard_of(order));
    }
}

/// Where one instance does everything, nothing is read back. After a start the first event of each order is.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_sent_from_memory_and_deleted_later() {
    const EVENTS: i64 = 20;
    let world = World::with(Options { partitions: PARTITIONS, ..Options::default() }).await;
    let service = world.order().await;
    let order = ended(&world).await;
    for sequence in 2..=EVENTS {
        cancel(&world, order, shard_of(order)).await;
        await_last(&world, order, sequence).await;
    }
    world.await_number("order", "select count(*) from outbox", 0).await;
    assert_eq!(sequences(&world, order).await, (1..=EVENTS).collect::<Vec<_>>());
    let (memory, table) = (sent(&service, "memory").await, sent(&service, "table").await);
    assert_eq!(memory + table, EVENTS as u64, "every row is sent once");
    // A read that comes by between a commit and its hand-over finds the row first.
    assert!(table <= 2, "{table} of {EVENTS} rows were read back");
    service.stop().await;

    let service = world.order().await;
    for sequence in EVENTS + 1..=EVENTS + 3 {
        cancel(&world, order, shard_of(order)).await;
        await_last(&world, order, sequence).await;
    }
    world.await_number("order", "select count(*) from outbox", 0).await;
    assert_eq!(sequences(&world, order).await, (1..=EVENTS + 3).collect::<Vec<_>>());
    let (memory, table) = (sent(&service, "memory").await, sent(&service, "table").await);
    assert!(table >= 1 && memory >= 1, "memory {memory}, table {table}");
    assert_eq!(memory + table, 3);
}

/// The broker refuses an event that was sent from memory. It stays in the table, and so do the later ones of its order.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_failed_is_tried_again_from_the_table() {
    let world = World::with(Options { partitions: PARTITIONS, ..Options::default() }).await;
    let service = world.order().await;
    let order = ended(&world).await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    take_at_most(&world, "orders.events", "100").await;
    for sequence in 2..=4 {
        cancel(&world, order, shard_of(order)).await;
        await_last(&world, order, sequence).await;
    }
    until("the broker refuses the first of them", || async {
        let refused = service.metrics().await.get("outbox_refused", &[]);
        if refused == Some(1.0) { Ok(()) } else { Err(refused) }
    })
    .await;
    assert_eq!(world.number("order", "select count(*) from outbox").await, 3);
    take_at_most(&world, "orders.events", "1048588").await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    assert_eq!(sequences(&world, order).await, [1, 2, 3, 4]);
    assert_eq!(sent(&service, "table").await + sent(&service, "memory").await, 4);
}

/// From now on the broker takes no batch on this topic that is larger.
async fn take_at_most(world: &World, topic: &str, bytes: &str) {
    let brokers = &world.kafka()["bootstrap.servers"];
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let topic = format!("{}{topic}", world.prefix);
    let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", bytes);
    for result in admin.alter_configs([&change], &AdminOptions::new()).await.unwrap() {
        result.unwrap();
    }
}
