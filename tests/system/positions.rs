//! What a service remembers of positions: a database, a topic or a cluster that was put back is noticed.

use std::time::Duration;

use minuet_messaging::{Accepted, Positions};
use minuet_tests::{Folder, Options, Raw, Running, World, adjustment, assert_books_balance, product, until};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const CONFIRMED: &str = "select count(*) from orders where status = 'confirmed'";

async fn confirm(world: &World, orders: usize) {
    let before = world.number("order", CONFIRMED).await;
    futures::future::join_all((0..orders).map(|_| world.submit(&[("VASE", 1)]))).await;
    world.await_number("order", CONFIRMED, before + orders as i64).await;
}

async fn stop(services: [Running; 3]) {
    let [order, inventory, payment] = services;
    tokio::join!(order.stop(), inventory.stop(), payment.stop());
}

/// Waits until the service says that it is not ready because of its positions, and returns its words.
async fn refusal(service: &Running) -> String {
    until("the positions are refused", || async {
        let answer = reqwest::get(format!("{}/readyz", service.url())).await.map_err(|e| e.to_string())?;
        let (ready, text) = (answer.status().is_success(), answer.text().await.unwrap_or_default());
        if !ready && text.contains("put back") { Ok(text) } else { Err(text) }
    })
    .await
}

/// Five orders, a backup, five more orders, and the order service gets the backup.
async fn put_back() -> (World, Running) {
    let mut world = World::new().await;
    let services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 100)]).await;
    confirm(&world, 5).await;
    stop(services).await;
    let backup = world.copy_database("order").await;
    let services = world.services().await;
    confirm(&world, 5).await;
    stop(services).await;
    world.put_back("order", backup);
    let order = world.order_begun().await;
    let words = refusal(&order).await;
    assert!(
        words.contains("the database consumed up to") && words.contains("the group committed"),
        "{words}"
    );
    let submitted = world.submit(&[("VASE", 1)]).await;
    assert_eq!(world.number("order", CONFIRMED).await, 5, "nothing is read");
    assert_eq!(world.status(submitted).await, None);
    (world, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_put_back_reads_again_what_it_lost() {
    let (world, order) = put_back().await;
    let desk = Positions::open(&world.settings("order").database_url).unwrap();
    assert!(!desk.refused().await.unwrap().is_empty());
    desk.accept(Accepted::Database).await.unwrap();
    order.ready().await;
    assert_eq!(desk.refused().await.unwrap(), []);
    let _others = tokio::join!(world.inventory(), world.payment());
    // Topics are not ordered among each other: an answer may have come before the order that it answers, and is parked.
    until("all orders are confirmed", || async {
        sqlx::query("update dead_letters set redrive = true").execute(world.pool("order")).await.unwrap();
        let confirmed = world.number("order", CONFIRMED).await;
        if confirmed == 11 { Ok(()) } else { Err(confirmed) }
    })
    .await;
    assert_books_balance(&world).await;
    order.stop().await;
    world.order().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_put_back_may_leave_what_it_lost() {
    let (world, order) = put_back().await;
    let desk = Positions::open(&world.settings("order").database_url).unwrap();
    desk.accept(Accepted::Group).await.unwrap();
    order.ready().await;
    let _others = tokio::join!(world.inventory(), world.payment());
    world.await_number("order", CONFIRMED, 6).await;
}

/// An empty database under a group that has read before.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_is_noticed() {
    let mut world = World::new().await;
    let empty = world.copy_database("order").await;
    let services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 100)]).await;
    confirm(&world, 1).await;
    stop(services).await;
    world.put_back("order", empty);
    let order = world.order_begun().await;
    let words = refusal(&order).await;
    assert!(words.contains("the database consumed up to 0"), "{words}");
}

fn admin(world: &World) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.extend(world.kafka().clone());
    config.create().unwrap()
}

/// As retention does: deletes what a topic holds.
async fn delete_messages(world: &World, topic: &str) {
    let mut ends = TopicPartitionList::new();
    for partition in 0..world.catalogue.partitions().cast_signed() {
        let topic = format!("{}{topic}", world.prefix);
        ends.add_partition_offset(&topic, partition, Offset::End).unwrap();
    }
    admin(world).delete_records(&ends, &AdminOptions::new()).await.unwrap();
}

async fn submit(world: &World, orders: usize) {
    for _ in 0..orders {
        world.submit(&[("VASE", 1)]).await;
    }
}

/// The messages that were deleted unread, and not accepted.
async fn skipped(desk: &Positions) -> i64 {
    desk.skipped().await.unwrap().iter().map(|range| range.end_offset - range.from_offset).sum()
}

async fn await_gauge(order: &Running, wanted: f64) {
    until("the gauge shows it", || async {
        let seen = order.metrics().await.get("skipped_offsets", &[]);
        if seen == Some(wanted) { Ok(()) } else { Err(seen) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_deleted_while_a_service_stood_still_are_told_once() {
    let world = World::new().await;
    let services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 100)]).await;
    confirm(&world, 2).await;
    stop(services).await;
    submit(&world, 5).await;
    delete_messages(&world, "orders.intake").await;

    let services = world.services().await;
    let desk = Positions::open(&world.settings("order").database_url).unwrap();
    assert_eq!(skipped(&desk).await, 5);
    await_gauge(&services[0], 5.0).await;
    confirm(&world, 2).await;
    let ranges = desk.skipped().await.unwrap().len() as u64;
    assert_eq!(desk.accept_skipped().await.unwrap(), ranges);
    await_gauge(&services[0], 0.0).await;

    stop(services).await;
    let services = world.services().await;
    confirm(&world, 1).await;
    assert_eq!(skipped(&desk).await, 0);
    assert_eq!(world.number("order", "select count(*) from skipped_offsets").await, ranges as i64);
    stop(services).await;
}

/// The deletion of a product is gone with other records before the service comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_product_whose_deletion_went_unread_is_taken_off_sale() {
    let world = World::new().await;
    let order = world.order().await;
    for sku in ["VASE", "MUG"] {
        world.publish(product(sku, "30.00", "EUR", true)).await;
        world.await_product(sku).await;
    }
    order.stop().await;
    let tombstone = Raw { key: Some(b"VASE".to_vec()), payload: None, headers: vec![] };
    let partition = world.catalogue.partition_of("catalog.products", Some(b"VASE")).unwrap();
    world.topics.send_to("catalog.products", &tombstone, partition).await;
    delete_messages(&world, "catalog.products").await;
    world.publish(product("MUG", "31.00", "EUR", true)).await;

    let order = world.order().await;
    world.await_number("order", "select unit_price::bigint from products where sku = 'MUG'", 31).await;
    world.await_number("order", "select count(*) from products where active and sku = 'VASE'", 0).await;
    assert_eq!(world.number("order", "select count(*) from products where active").await, 1);
    order.stop().await;
}

/// The service lives, and its consumer comes back to offsets that are gone.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_deleted_before_a_running_service_reads_them_are_told() {
    let (world, folder) = (World::new().await, Folder::new());
    let order = world.process(&folder, "order").start();
    order.logs("shards taken").await;
    world.publish(product("VASE", "30.00", "EUR", true)).await;
    world.await_product("VASE").await;
    submit(&world, 4).await;
    world.await_number("order", "select count(*) from orders", 4).await;
    order.signal("STOP");
    submit(&world, 40).await;
    delete_messages(&world, "orders.intake").await;
    // A gap shows where a message follows it.
    submit(&world, 40).await;
    order.signal("CONT");
    let desk = Positions::open(&world.settings("order").database_url).unwrap();
    let all = "each order is read, or its deletion told";
    until(all, || async {
        let read = world.number("order", "select count(*) from orders").await;
        let gone = skipped(&desk).await;
        // A fetch that the broker held open has got a few of them.
        if gone > 20 && read + gone == 84 { Ok(()) } else { Err((read, gone)) }
    })
    .await;
    order.logs("messages were deleted before they were read").await;
}

/// Deletes topics and creates them again.
async fn recreate(world: &World, topics: &[&str]) {
    let admin = admin(world);
    let names: Vec<String> = topics.iter().map(|topic| format!("{}{topic}", world.prefix)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    admin.delete_topics(&names, &AdminOptions::new()).await.unwrap();
    until("the topics are created again", || async {
        world.catalogue.apply(world.kafka(), &world.prefix).await.map_err(|e| e.to_string())?;
        let known = admin.inner().fetch_metadata(None, Duration::from_secs(5)).map_err(|e| e.to_string())?;
        let there = |name: &str| {
            known.topics().iter().any(|topic| topic.name() == name && !topic.partitions().is_empty())
        };
        if names.iter().all(|name| there(name)) { Ok(()) } else { Err("a topic is missing".to_owned()) }
    })
    .await;
}

/// Old positions mean nothing on topics that were created again, under running services or between two starts.
async fn read_from_their_start(begin_again: bool, group_protocol: &'static str) {
    let world = World::with(Options { group_protocol, ..Options::default() }).await;
    let services = world.services().await;
    let garbage = Raw { key: Some(b"a key".to_vec()), payload: Some(b"garbage".to_vec()), headers: vec![] };
    world.topics.send("orders.intake", &garbage).await;
    world.await_number("order", "select count(*) from dead_letters", 1).await;
    for price in ["10.00", "20.00", "30.00"] {
        world.publish(product("VASE", price, "EUR", true)).await;
    }
    world.publish(adjustment("VASE", "BER", 100)).await;
    world.await_number("order", PRICE, 30).await;
    confirm(&world, 3).await;

    let topics = ["catalog.products", "orders.intake"];
    let _services = if begin_again {
        stop(services).await;
        recreate(&world, &topics).await;
        world.services().await
    } else {
        recreate(&world, &topics).await;
        services
    };
    world.topics.send("orders.intake", &garbage).await;
    world.publish(product("VASE", "40.00", "EUR", true)).await;
    world.await_number("order", PRICE, 40).await;
    confirm(&world, 6).await;
    world.await_number("order", "select count(*) from dead_letters", 2).await;
    let topics = world.number("order", "select count(distinct topic_id) from dead_letters").await;
    assert_eq!(topics, 2, "the topic is part of the position");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_were_created_again_are_read_from_their_start() {
    read_from_their_start(false, "consumer").await;
}

/// The classic protocol's group does not learn of it: the partitions stay assigned.
#[tokio::test(flavor = "multi_thread")]
async fn topics_that_were_created_again_are_noticed_without_an_assignment() {
    read_from_their_start(false, "classic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_were_created_again_between_two_starts_are_read_from_their_start() {
    read_from_their_start(true, "consumer").await;
}

const PRICE: &str = "select coalesce(max(unit_price), 0)::bigint from products where sku = 'VASE'";
