//! What strangers may write onto a topic: it is set aside with its reason and its bytes, and everything else goes on.

use std::time::{Duration, Instant};

use minuet_events::{Codec, Event, EventType};
use minuet_tests::{Raw, World, assert_books_balance, stack, submission};
use uuid::Uuid;

use crate::chaos::proxy::{Proxy, Wire};
use crate::chaos::shop::free_port;

/// reason, detail, key, payload, names of the headers
type Parked = (String, String, Option<Vec<u8>>, Option<Vec<u8>>, Vec<String>);

/// Lines, and the codes of the problems that they have.
type Case = (&'static [(&'static str, u32)], &'static [&'static str]);

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_set_aside_and_everything_else_goes_on() {
    let world = World::with(minuet_tests::Options { partitions: 1, ..Default::default() }).await;
    let _services = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;

    let submitted = submission(&[("LAMP", 1)]);
    let key = submitted.order_id.to_string();
    let event = Event::from(submitted.clone());
    let good = Raw::of(&world.envelope(&event), &key, world.codec.encode(&event).unwrap());
    let placed = {
        let adjusted = Event::from(minuet_tests::adjustment("LAMP", "BER", 1));
        world.codec.encode(&adjusted).unwrap()
    };
    let mut unknown_schema = good.clone();
    unknown_schema.payload.as_mut().unwrap()[1..5].copy_from_slice(&99_999_999_u32.to_be_bytes());
    let mut zero = submitted.clone();
    zero.lines.clear();

    let cases: Vec<(&str, Raw)> = vec![
        ("undecodable", Raw { payload: Some(b"{\"not\": \"avro\"}".to_vec()), ..good.clone() }),
        ("unknown_schema", unknown_schema),
        ("wrong_record", Raw { payload: Some(placed), ..good.clone() }),
        ("wrong_record", good.clone().with("ce_type", "minuet.orders.OrderPlaced.v1")),
        ("headers", good.clone().with("ce_type", "minuet.orders.Nonsense.v1")),
        ("headers", good.clone().without("ce_id")),
        ("headers", good.clone().without("ce_source")),
        ("headers", good.clone().without("ce_type")),
        ("headers", good.clone().with("ce_id", "17")),
        ("absurd_time", good.clone().with("ce_time", "2099-01-01T00:00:00Z")),
        ("absurd_time", good.clone().with("ce_time", "1970-01-01T00:00:00Z")),
        ("empty_body", Raw { payload: None, ..good.clone() }),
        ("empty_body", Raw { payload: Some(Vec::new()), ..good.clone() }),
        (
            "key",
            Raw { key: Some(Uuid::now_v7().to_string().into_bytes()), ..good.clone().without("ce_subject") },
        ),
        ("key", Raw { key: None, ..good.clone() }),
        ("key", Raw { key: Some(vec![0xff, 0xfe]), ..good.clone() }),
        ("headers", good.clone().with("ce_subject", &Uuid::now_v7().to_string())),
    ];
    for (_, raw) in &cases {
        world.topics.send("orders.intake", raw).await;
    }
    // Only what the contract asks for: the rest has defaults.
    let mut bare = good.clone();
    bare.headers.retain(|(name, _)| ["ce_id", "ce_source", "ce_type"].contains(&name.as_str()));
    world.topics.send("orders.intake", &bare).await;

    world.await_status(submitted.order_id, "confirmed").await;
    let parked: Vec<Parked> = sqlx::query_as(
        "select reason, detail, key, payload, header_names from dead_letters order by \"offset\"",
    )
    .fetch_all(world.pool("order"))
    .await
    .unwrap();
    assert_eq!(parked.len(), cases.len(), "{parked:#?}");
    for ((reason, raw), (parked, detail, key, payload, names)) in cases.iter().zip(&parked) {
        assert_eq!(parked, reason, "{detail}");
        assert!(!detail.is_empty());
        assert_eq!((key, payload), (&raw.key, &raw.payload), "{reason}: the original bytes are kept");
        assert_eq!(names.len(), raw.headers.len(), "{reason}: the headers are kept");
    }
    sqlx::query("delete from dead_letters").execute(world.pool("order")).await.unwrap();
    assert_books_balance(&world).await;
}

/// An order that breaks the shop's rules is no garbage: it is rejected, with every problem.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_breaks_the_rules_is_rejected_with_every_problem() {
    let world = World::new().await;
    let _order = world.order().await;
    for (sku, price, currency, active) in [
        ("EUR", "1.00", "EUR", true),
        ("USD", "1.00", "USD", true),
        ("FREE", "0", "EUR", true),
        ("OFF", "1.00", "EUR", false),
    ] {
        world.publish(minuet_tests::product(sku, price, currency, active)).await;
        world.await_product(sku).await;
    }
    let cases: [Case; 6] = [
        (&[("EUR", 1), ("USD", 1)], &["mixed_currencies"]),
        (&[("FREE", 1)], &["total_zero"]),
        (&[("EUR", 1), ("EUR", 2)], &["duplicate_sku"]),
        (&[("OFF", 1), ("NOWHERE", 1)], &["inactive_product", "unknown_product"]),
        (&[], &["no_lines"]),
        (&[("EUR", 1), ("OFF", 1), ("USD", 1)], &["inactive_product", "mixed_currencies"]),
    ];
    for (lines, codes) in cases {
        let order = world.submit(lines).await;
        world.await_status(order, "failed").await;
        // The status is committed a moment before the event is on its topic.
        world.await_number("order", "select count(*) from outbox", 0).await;
        let about = world.topics.about(&order.to_string(), &["orders.events"]).await;
        let [consumed] = about.as_slice() else { panic!("one event is expected: {about:#?}") };
        let Event::OrderRejected(rejected) = &consumed.event else { panic!("{consumed:#?}") };
        let found: Vec<&str> = rejected.problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(found, codes, "{lines:?}");
    }
}

/// What nobody can say anything about while the registry is away: on an intake topic it is set aside after a while, and what
/// comes behind it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_schema_stops_nobody_while_the_registry_is_away() {
    let mut world = World::with(minuet_tests::Options { partitions: 1, ..Default::default() }).await;
    let registry = reqwest::Url::parse(stack().await.registry()).unwrap();
    let proxy = Proxy::start(free_port(), registry.port().unwrap()).await;
    let through = format!("http://127.0.0.1:{}{}", proxy.port, registry.path());
    world.codec = Codec::register(&through).await.unwrap();
    let [order, _inventory, _payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    proxy.set(Wire::Cut);

    let strange = |id: u32| {
        let event = Event::from(submission(&[("LAMP", 1)]));
        let mut raw = Raw::of(&world.envelope(&event), &event.key(), world.codec.encode(&event).unwrap());
        raw.payload.as_mut().unwrap()[1..5].copy_from_slice(&id.to_be_bytes());
        raw
    };
    let sent = Instant::now();
    world.topics.send("orders.intake", &strange(99_999_991)).await;
    let behind = world.submit(&[("LAMP", 1)]).await;
    world.await_number("order", "select count(*) from dead_letters where reason = 'unknown_schema'", 1).await;
    let patience = sent.elapsed();
    assert!(patience >= Duration::from_secs(9), "a registry that restarts is waited for, not {patience:?}");
    world.await_status(behind, "confirmed").await;
    let health = reqwest::get(format!("{}/readyz", order.url())).await.unwrap();
    let health: serde_json::Value = health.json().await.unwrap();
    assert_eq!(health["dependencies"]["registry"]["ok"], false, "{health:#}");

    // A heap of them is not waited for one by one.
    for id in 0..20 {
        world.topics.send("orders.intake", &strange(99_999_900 + id)).await;
    }
    let behind = world.submit(&[("LAMP", 1)]).await;
    let begun = Instant::now();
    world.await_status(behind, "confirmed").await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());

    let detail: String = sqlx::query_scalar("select detail from dead_letters order by id limit 1")
        .fetch_one(world.pool("order"))
        .await
        .unwrap();
    assert!(detail.contains("99999991"), "{detail}");
    sqlx::query("delete from dead_letters").execute(world.pool("order")).await.unwrap();
    assert_books_balance(&world).await;
}

/// A producer with another idea of a decimal registers its schema under another subject. Before, 12.50 was sold for 0.125.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_of_another_scale_is_parked_and_a_schema_that_fits_is_read() {
    let world = World::with(minuet_tests::Options { partitions: 1, ..Default::default() }).await;
    let _order = world.order().await;
    world.publish(minuet_tests::product("TEA", "12.50", "EUR", true)).await;
    world.await_product("TEA").await;

    // With a name of its own, so that each run registers a schema that no other has.
    let note = format!("note_{}", world.prefix.trim_end_matches('.'));
    let own: serde_json::Value = serde_json::from_str(EventType::ProductChanged.schema_json()).unwrap();
    let mut newer = own.clone();
    newer["fields"]
        .as_array_mut()
        .unwrap()
        .push(serde_json::json!({"name": note, "type": "string", "default": ""}));
    let mut cents = newer.clone();
    cents["fields"][3]["type"]["precision"] = 12.into();
    cents["fields"][3]["type"]["scale"] = 2.into();
    let newer = register(&format!("{note}-newer"), &newer).await;
    let cents = register(&format!("{note}-cents"), &cents).await;

    // Two bytes: 1250, with an empty note behind the record.
    let event = Event::from(minuet_tests::product("TEA", "0.1250", "CLF", true));
    let mut raw = Raw::of(&world.envelope(&event), "TEA", world.codec.encode(&event).unwrap());
    raw.payload.as_mut().unwrap().push(0);
    let with_schema = |raw: &Raw, id: u32| {
        let mut raw = raw.clone();
        raw.payload.as_mut().unwrap()[1..5].copy_from_slice(&id.to_be_bytes());
        raw
    };
    world.topics.send("catalog.products", &with_schema(&raw, cents)).await;
    world.await_number("order", "select count(*) from dead_letters where reason = 'undecodable'", 1).await;
    let detail: String =
        sqlx::query_scalar("select detail from dead_letters").fetch_one(world.pool("order")).await.unwrap();
    assert!(detail.contains("unit_price: decimal(12,2) cannot be read as decimal(19,4)"), "{detail}");
    let price = "select (unit_price * 10000)::bigint from products";
    assert_eq!(world.number("order", price).await, 125_000);

    // One more field is no other shape.
    world.topics.send("catalog.products", &with_schema(&raw, newer)).await;
    world.await_number("order", price, 1_250).await;
}

/// The id of a schema, registered with the real registry.
async fn register(subject: &str, schema: &serde_json::Value) -> u32 {
    let url = format!("{}/subjects/{subject}/versions", stack().await.registry().trim_end_matches('/'));
    let body = serde_json::json!({"schema": schema.to_string()});
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    let answer: serde_json::Value = answer.error_for_status().unwrap().json().await.unwrap();
    answer["id"].as_u64().unwrap().try_into().unwrap()
}
