//! What time does to many orders at once, on topics and in tables that are not as tidy as our own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use minuet_events::values::OrderId;
use minuet_events::{Event, EventType};
use minuet_tests::{Options, Provider, World, adjustment, assert_books_balance, until};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use uuid::Uuid;

const RESERVED: &str = "select count(*) from order_reservations where status = 'reserved'";

/// Commits a transaction of one adjustment to each partition: on each the last offset is that of the transaction's end, which
/// no consumer ever sees.
async fn adjust_in_a_transaction(world: &World) {
    let mut config = ClientConfig::new();
    config.extend(world.kafka().clone());
    let producer: FutureProducer =
        config.set("transactional.id", Uuid::now_v7().to_string()).create().unwrap();
    producer.init_transactions(Duration::from_secs(60)).unwrap();
    producer.begin_transaction().unwrap();
    for partition in 0..i32::try_from(world.options.partitions).unwrap() {
        let event = Event::from(adjustment("CLOCK", "BER", 1));
        let envelope = world.envelope(&event);
        let headers = envelope.to_headers().into_iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(&value) })
        });
        let topic = format!("{}inventory.intake", world.prefix);
        let (payload, key) = (world.codec.encode(&event).unwrap(), event.key());
        let record =
            FutureRecord::to(&topic).partition(partition).key(&key).payload(&payload).headers(headers);
        producer.send(record, Duration::from_secs(60)).await.unwrap();
    }
    let committing = producer.clone();
    tokio::task::spawn_blocking(move || committing.commit_transaction(Duration::from_secs(60)).unwrap())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_transaction_holds_up_no_sweep() {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    // Nobody charges: only time ends these orders.
    let _services = (world.order().await, world.inventory().await);
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    world.await_number("inventory", RESERVED, 1).await;
    adjust_in_a_transaction(&world).await;
    let partitions = i64::from(world.options.partitions);
    world
        .await_number(
            "inventory",
            "select coalesce(sum(on_hand), 0)::bigint from stock where sku = 'CLOCK'",
            partitions,
        )
        .await;

    time.pass(16);
    world.await_status(order, "cancelled").await;
    assert_books_balance(&world).await;
}

/// Both look for what is due, all the time; shards move from the one to the other while it becomes due.
#[tokio::test(flavor = "multi_thread")]
async fn with_two_instances_each_reservation_expires_once() {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    let provider = Arc::new(Provider::holding());
    let _services = (world.order().await, world.payment_with(Arc::clone(&provider)).await);
    let first = world.inventory().await;
    world.product("VASE", "30.00", &[("BER", 500)]).await;
    let orders = futures::future::join_all((0..200).map(|_| world.submit(&[("VASE", 1)]))).await;
    world.await_number("payment", "select count(*) from open_calls", 200).await;
    let _second = world.inventory().await;
    two_owners(&world).await;

    time.pass(16);
    world.await_number("order", "select count(*) from orders where status = 'cancelled'", 200).await;
    first.stop().await;
    assert_books_balance(&world).await;

    let mut expired: HashMap<OrderId, Vec<(Uuid, i64)>> = HashMap::new();
    for consumed in world.topics.read("inventory.events").await {
        if let Event::ReservationExpired(event) = &consumed.event {
            let told = expired.entry(event.order_id).or_default();
            told.push((consumed.envelope.id, consumed.envelope.sequence.unwrap()));
        }
        assert_ne!(consumed.event.event_type(), EventType::InventoryReleased, "expiring is the release");
    }
    assert_eq!(expired.len(), orders.len());
    for (order, mut told) in expired {
        told.dedup();
        assert_eq!(told.len(), 1, "{order} expired as several events: {told:?}");
        assert_eq!(told[0].1, 2, "{order}: after its InventoryReserved");
    }
    assert_eq!(world.number("inventory", "select available from stock").await, 500, "each went back once");
}

/// Waits until the shards of inventory are shared.
async fn two_owners(world: &World) {
    until("two instances share the shards", || async {
        let owners = world.number("inventory", "select count(distinct owner) from shards").await;
        if owners == 2 { Ok(()) } else { Err(owners) }
    })
    .await;
}

/// A row that cannot be read, as a hand in the tables may leave it.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_decided_holds_up_no_other() {
    let (options, time) = Options::with_time();
    let world = World::with(Options { partitions: 1, ..options }).await;
    // Nobody charges: only time ends these orders.
    let _services = (world.order().await, world.inventory().await);
    world.product("VASE", "30.00", &[("BER", 50)]).await;
    let orders = futures::future::join_all((0..20).map(|_| world.submit(&[("VASE", 1)]))).await;
    world.await_number("inventory", RESERVED, 20).await;
    let write = async |sku: &'static str| {
        sqlx::query("update order_reservations set skus = array[$1] where order_id = $2")
            .bind(sku)
            .bind(orders[7].as_uuid())
            .execute(world.pool("inventory"))
            .await
            .unwrap();
    };
    write("").await;

    time.pass(16);
    world.await_number("order", "select count(*) from orders where status = 'cancelled'", 19).await;
    assert_eq!(world.status(orders[7]).await.as_deref(), Some("pending"));
    write("VASE").await;
    world.await_status(orders[7], "cancelled").await;
    assert_books_balance(&world).await;
}
