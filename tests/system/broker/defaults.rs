//! A broker whose own settings are not the ones that Minuet promises by, and that lacks the newer group protocol.

use std::time::Duration;

use minuet_events::Event;
use minuet_stack::{Part, Stack, StackOptions};
use minuet_tests::{Folder, Options, Raw, Servers, World, submission, until};
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::admin;

const SETTINGS: [(&str, &str); 8] = [
    ("group.coordinator.rebalance.protocols", "classic"),
    ("log.retention.bytes", "1000000"),
    ("unclean.leader.election.enable", "true"),
    ("compression.type", "zstd"),
    ("message.max.bytes", "900000"),
    // A retention pass twice a second.
    ("log.initial.task.delay.ms", "100"),
    ("log.retention.check.interval.ms", "500"),
    // Deleted files go at once.
    ("log.segment.delete.delay.ms", "100"),
];
const MONTH_MS: i64 = 30 * 24 * 3_600 * 1_000;

async fn broker() -> Stack {
    let root = std::env::temp_dir().join(format!("minuet-defaults-{}", std::process::id()));
    let options = StackOptions {
        kafka_settings: SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        kafka_heap: 256,
        ..StackOptions::for_tests(root)
    };
    Stack::start(options.only(&[Part::Kafka]), |_| {}).await.unwrap()
}

/// A record of a month ago, by its producer's clock.
async fn send_old(world: &World, topic: &str, raw: &Raw) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &world.kafka()["bootstrap.servers"]).create().unwrap();
    let headers = raw.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: value.as_deref() })
    });
    let now = time::OffsetDateTime::now_utc().unix_timestamp() * 1_000;
    let mut record = FutureRecord::<[u8], [u8]>::to(topic).headers(headers).timestamp(now - MONTH_MS);
    (record.key, record.payload, record.partition) = (raw.key.as_deref(), raw.payload.as_deref(), Some(0));
    producer.send(record, Duration::from_secs(30)).await.map_err(|(error, _)| error).unwrap();
}

/// Waits until a retention pass has taken the record from a topic that keeps by the producer's time.
async fn await_retention(world: &World, topic: &str) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &world.kafka()["bootstrap.servers"])
        .set("group.id", "watermarks")
        .create()
        .unwrap();
    until("a retention pass has deleted the old record", || async {
        let bounds = consumer.fetch_watermarks(topic, 0, Duration::from_secs(10)).unwrap();
        if bounds == (1, 1) { Ok(()) } else { Err(bounds) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_that_break_promises_are_named_and_an_old_record_is_kept() {
    let kafka = broker().await;
    let servers = Servers { kafka: kafka.kafka(), ..Servers::shared().await };
    let folder = Folder::new();
    let world = World::on(servers, Options { partitions: 1, ..Options::default() }).await;
    let admin = admin(&world);

    // Topics that somebody else created, without settings of their own: the brokers' are in force.
    let by_hand = "byhand.orders.events";
    let topics = [NewTopic::new(by_hand, 1, TopicReplication::Fixed(1)), {
        let by_time = NewTopic::new("by-time", 1, TopicReplication::Fixed(1));
        by_time.set("retention.ms", "604800000")
    }];
    for created in admin.create_topics(&topics, &AdminOptions::new()).await.unwrap() {
        created.unwrap();
    }
    let plan = until("the plan sees the topic", || async {
        let plan =
            world.minuet(&folder, &["topics", "plan"]).env("MINUET_TOPIC_PREFIX", "byhand.").run().await;
        if plan.out.contains("byhand.orders.events: new") { Err(plan) } else { Ok(plan) }
    })
    .await;
    for said in [
        "retention.bytes 1000000 (of the brokers) -> -1",
        "unclean.leader.election.enable true (of the brokers) -> false",
        "compression.type is zstd (of the brokers)",
        "max.message.bytes is 900000 (of the brokers)",
    ] {
        assert!(plan.out.contains(&format!("{by_hand}: {said}")), "{said}: {plan:#?}");
    }

    // Where topics.yaml was applied, only what an operator may want is left; a service says so at its start.
    let plan = world.minuet(&folder, &["topics", "plan"]).run().await.well();
    let left = |line: &str| line.contains("compression.type") || line.contains("max.message.bytes");
    assert!(!plan.out.is_empty() && plan.out.lines().all(left), "{plan:#?}");
    let order = world.process(&folder, "order").start();
    order.logs("topic setting in force does not keep what is promised").await;

    // The broker knows only the classic protocol: the service falls back to it by itself.
    order.logs("the service uses group.protocol=classic").await;
    let url = order.url().await;
    until("the order service is ready", || async {
        let answer = reqwest::get(format!("{url}/readyz")).await.unwrap();
        if answer.status().is_success() { Ok(()) } else { Err(answer.text().await) }
    })
    .await;
    let (inventory, payment) = (world.inventory().await, world.payment().await);
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    let placed = world.submit(&[("LAMP", 1)]).await;
    world.await_status(placed, "confirmed").await;

    // A clock that is a month behind, while the service stands still.
    order.signal("TERM");
    order.ended().await;
    let submitted = submission(&[("LAMP", 1)]);
    let id = submitted.order_id;
    let event = Event::from(submitted);
    let raw = Raw::of(&world.envelope(&event), &event.key(), world.codec.encode(&event).unwrap());
    send_old(&world, &format!("{}orders.intake", world.prefix), &raw).await;
    send_old(&world, "by-time", &raw).await;
    await_retention(&world, "by-time").await;
    let order = world.order().await;
    world.await_status(id, "confirmed").await;
    // Before their broker: a client waits for it at its end.
    tokio::join!(order.stop(), inventory.stop(), payment.stop());
}
