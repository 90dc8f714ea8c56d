//! Messages that are tiny on the wire and huge once unpacked, or odd in another way, under the key of a coming order: each is
//! parked, no order waits for it, and the process does not grow with it.

use minuet_events::Event;
use minuet_events::values::UserId;
use minuet_tests::{Folder, Options, Raw, World, submission};

const MIB: usize = 1024 * 1024;

/// Everything that a stranger may write under a key of his choice.
fn garbage(key: &str) -> Vec<(&'static str, Raw)> {
    // Without a value it would be a deletion where the topic is compacted.
    let raw =
        || Raw { key: Some(key.as_bytes().to_vec()), payload: Some(b"no avro".to_vec()), ..Raw::default() };
    let header = |name: &str, size: usize| (name.to_owned(), Some(vec![b'h'; size]));
    vec![
        ("8 MiB of zeros", Raw { payload: Some(vec![0; 8 * MIB]), ..raw() }),
        ("3 MiB of zeros", Raw { payload: Some(vec![0; 3 * MIB]), ..raw() }),
        ("a header of 3 MiB", Raw { headers: vec![header("ce_type", 3 * MIB)], ..raw() }),
        ("the name of a header of 3 MiB", Raw { headers: vec![header(&"n".repeat(3 * MIB), 1)], ..raw() }),
        (
            "10,000 headers",
            Raw { headers: (0..10_000).map(|n| header(&format!("h{n}"), 100)).collect(), ..raw() },
        ),
        ("a key of 3 MiB", Raw { key: Some(vec![b'k'; 3 * MIB]), ..raw() }),
        ("a key that is not UTF-8", Raw { key: Some(vec![0xff; 300]), ..raw() }),
    ]
}

/// On each intake topic, before the order comes, and with its key.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_with_an_orders_key_holds_up_no_order() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let services = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    let submitted = submission(&[("LAMP", 1)]);
    let order = submitted.order_id;
    let garbage = garbage(&order.to_string());
    let intakes = [
        ("orders.intake", "order"),
        ("catalog.products", "order"),
        ("payments.intake", "payment"),
        ("inventory.intake", "inventory"),
    ];
    for (topic, _) in intakes {
        for (_, raw) in &garbage {
            world.topics.send_gzipped(topic, raw).await;
        }
    }
    for (service, topics) in [("order", 2), ("payment", 1), ("inventory", 1)] {
        let parked = garbage.len() as i64 * topics;
        world.await_number(service, "select count(*) from dead_letters", parked).await;
    }
    world.publish(submitted).await;
    world.await_status(order, "confirmed").await;

    // Each is announced, within what the broker takes.
    for (service, topics) in [("order", 2), ("payment", 1), ("inventory", 1)] {
        world.await_number(service, "select count(*) from outbox", 0).await;
        let announced = world.topics.read(&format!("{service}.dead-letters")).await;
        assert_eq!(announced.len(), garbage.len() * topics, "{service}");
        for consumed in &announced {
            let Event::EventParked(parked) = &consumed.event else { panic!("{consumed:?}") };
            let kept = parked.payload.as_ref().map_or(0, |payload| payload.len());
            assert!(kept <= 2 * MIB, "{}: {kept} bytes", parked.topic);
        }
    }
    for service in &services {
        let ready = reqwest::get(format!("{}/readyz", service.url())).await.unwrap();
        assert_eq!(ready.status(), 200, "{}: {}", service.name, ready.text().await.unwrap());
    }
}

/// Its highest resident memory so far, in MiB, as Linux counts it.
fn highest(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

/// What librdkafka unpacks it holds once, and what is kept is bounded. Before, it was held five times.
#[tokio::test(flavor = "multi_thread")]
async fn a_huge_message_is_held_once() {
    const HUGE: usize = 200;
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let folder = Folder::new();
    let order = world.process(&folder, "order").start();
    order.logs("shards taken").await;
    world.publish(minuet_tests::product("LAMP", "20.00", "EUR", true)).await;
    world.await_product("LAMP").await;
    let before = highest(order.pid);

    let submitted = submission(&[("LAMP", 1)]);
    let (id, key) = (submitted.order_id, submitted.order_id.to_string().into_bytes());
    let raw = Raw { key: Some(key), payload: Some(vec![0; HUGE * MIB]), ..Raw::default() };
    world.topics.send_gzipped("orders.intake", &raw).await;
    world.publish(submitted).await;
    world.await_status(id, "pending").await;
    world.await_number("order", "select count(*) from dead_letters", 1).await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    let after = highest(order.pid);
    println!("{before} MiB before, {after} MiB at the highest, with {HUGE} MiB unpacked");
    assert!(after <= before + HUGE + 32, "{after} MiB, {before} MiB before");

    // The next ones take the same memory again.
    for parked in 2..4 {
        world.topics.send_gzipped("orders.intake", &raw).await;
        world.await_number("order", "select count(*) from dead_letters", parked).await;
    }
    let last = highest(order.pid);
    assert!(last <= after + 32, "{last} MiB after three, {after} MiB after the first");
    let log = order.log();
    assert!(log.len() < MIB, "the log has {} bytes", log.len());
}

/// Whatever this user orders, the database refuses.
const POISON: &str = "create function refuse() returns trigger language plpgsql as
         $$ begin raise exception 'poison' using errcode = '23514'; end $$;
     create trigger refuse before insert on orders for each row when (new.user_id = 'poison') execute function refuse()";

/// Of a message that is too large to be kept the row has the beginning, and its topic the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_cut_is_redriven_from_its_topic() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let order = world.order().await;
    world.publish(minuet_tests::product("LAMP", "20.00", "EUR", true)).await;
    world.await_product("LAMP").await;
    sqlx::raw_sql(POISON).execute(world.pool("order")).await.unwrap();
    let mut orders = Vec::new();
    for _ in 0..2 {
        let mut submitted = submission(&[("LAMP", 1)]);
        submitted.user_id = UserId::parse("poison").unwrap();
        orders.push(submitted.order_id);
        let event = Event::from(submitted);
        let mut raw = Raw::of(&world.envelope(&event), &event.key(), world.codec.encode(&event).unwrap());
        raw.headers.push(("large".to_owned(), Some(vec![b'h'; 5 * MIB])));
        world.topics.send_gzipped("orders.intake", &raw).await;
    }
    let cut =
        "select count(*) from dead_letters where reason = 'constraint' and original_bytes > 5 * 1024 * 1024
         and octet_length(header_values[cardinality(header_values)]) = 1024";
    world.await_number("order", cut, 2).await;
    let api = minuet_tests::Api::new(order.address, world.secret());
    let shown = api.send(api.as_admin(reqwest::Method::GET, "/v1/dead-letters/1")).await.body;
    assert!(shown["original_bytes"].as_u64().unwrap() > 5 << 20, "{shown:#}");
    assert!(shown["odd"].as_str().unwrap().contains("only the beginning is kept"), "{shown:#}");

    sqlx::raw_sql("drop trigger refuse on orders").execute(world.pool("order")).await.unwrap();
    let redrive = "update dead_letters set redrive = true where id = (select min(id) from dead_letters)";
    sqlx::query(redrive).execute(world.pool("order")).await.unwrap();
    world.await_status(orders[0], "pending").await;
    world.await_number("order", "select count(*) from dead_letters", 1).await;

    // Once the topic has lost the message, a redrive says so.
    sqlx::query("update dead_letters set \"offset\" = 0, original_hash = '\\x00'")
        .execute(world.pool("order"))
        .await
        .unwrap();
    sqlx::query(redrive).execute(world.pool("order")).await.unwrap();
    let told = "select count(*) from dead_letters where reason = 'too_large' and detail like '%another message lies at%'";
    world.await_number("order", told, 1).await;
    sqlx::query("update dead_letters set \"offset\" = 1000").execute(world.pool("order")).await.unwrap();
    sqlx::query(redrive).execute(world.pool("order")).await.unwrap();
    let told = "select count(*) from dead_letters where detail like '%no longer on its topic%'";
    world.await_number("order", told, 1).await;
}
