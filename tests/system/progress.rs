//! Readiness means progress: whatever stands still although there is work is named, and the service is ready again once it
//! moves. Each case leaves the process alive and every dependency answering.

use std::time::Duration;

use minuet_tests::{Api, Folder, Options, Running, World, until};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use reqwest::Method;
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_secs(2);

async fn world() -> World {
    world_of(1).await
}

async fn world_of(partitions: u32) -> World {
    let world = World::with(Options { partitions, stall_after: BOUND, ..Options::default() }).await;
    world.publish(minuet_tests::product("LAMP", "20.00", "EUR", true)).await;
    world
}

async fn readiness(url: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("{url}/readyz")).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Waits until the service is not ready because of this, and gives the stall.
async fn stands(url: &str, what: &str, topic: &str) -> Value {
    until(&format!("the {what} of {topic} is named by readiness"), || async {
        let (status, body) = readiness(url).await;
        let stalls = body["stalls"].as_array().unwrap().clone();
        let of = |stall: &Value| {
            stall["what"] == what && stall["topic"].as_str().unwrap_or_default().ends_with(topic)
        };
        match stalls.into_iter().find(of) {
            Some(stall) if status == 503 => Ok(stall),
            _ => Err((status, body)),
        }
    })
    .await
}

async fn is_ready(url: &str) {
    until("the service is ready", || async {
        let (status, body) = readiness(url).await;
        if status == 200 { Ok(()) } else { Err(body) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_never_ends_is_named() {
    let (world, folder) = (world().await, Folder::new());
    let order = world
        .process(&folder, "order")
        .env("MINUET_ORDER__STALL_SECONDS", "2")
        .env("MINUET_ORDER__SAMPLE_INTERVAL_MS", "200")
        .env("MINUET_KAFKA__STATISTICS_INTERVAL_MS", "200")
        .env("MINUET_FAULT", "after_poll:1:hold")
        .env("MINUET_FAULT_ARMED", folder.path().join("armed").to_str().unwrap())
        .start();
    let url = order.url().await;
    world.await_product("LAMP").await;
    is_ready(&url).await;
    folder.write("armed", "");
    world.submit(&[("LAMP", 1)]).await;
    let stall = stands(&url, "input", "orders.intake").await;
    assert_eq!(stall["partition"], 0, "{stall:#}");
    let since = stall["since"].as_str().unwrap();
    assert!(since.starts_with("20") && since.ends_with('Z'), "{since}");
    let metrics = order.metrics().await;
    let age = metrics.get("stall_age_seconds", &["what=\"input\"", "partition=\"0\""]);
    assert!(age.is_some_and(|age| age >= 2.0), "{age:?}");
    order.logs("nothing moves although there is work").await;
}

struct TopicSetting {
    admin: AdminClient<DefaultClientContext>,
    topic: String,
    name: &'static str,
}

impl TopicSetting {
    fn of(world: &World, topic: &str, name: &'static str) -> TopicSetting {
        let admin = ClientConfig::new()
            .set("bootstrap.servers", &world.kafka()["bootstrap.servers"])
            .create()
            .unwrap();
        TopicSetting { admin, topic: format!("{}{topic}", world.prefix), name }
    }

    async fn set(&self, value: &str) {
        let config = AlterConfig::new(ResourceSpecifier::Topic(&self.topic)).set(self.name, value);
        for done in self.admin.alter_configs([&config], &AdminOptions::new()).await.unwrap() {
            done.unwrap();
        }
    }
}

/// The broker takes no event of the topic any more.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_the_broker_refuses_are_named() {
    let world = world().await;
    let order = world.order().await;
    world.await_product("LAMP").await;
    let limit = TopicSetting::of(&world, "orders.events", "max.message.bytes");
    limit.set("100").await;
    let id = world.submit(&[("LAMP", 1)]).await;
    let stall = stands(&order.url(), "outbox", "orders.events").await;
    let detail = stall["detail"].as_str().unwrap();
    assert!(detail.contains(&id.to_string()) && detail.contains("the broker refuses it"), "{stall:#}");
    assert_eq!(order.metrics().await.get("outbox_refused", &[]), Some(1.0));
    limit.set("1048576").await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    is_ready(&order.url()).await;
    until("no row is refused any more", || async {
        let refused = order.metrics().await.get("outbox_refused", &[]);
        if refused == Some(0.0) { Ok(()) } else { Err(refused) }
    })
    .await;
}

/// Every row is published, and none is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_deleted_are_named() {
    let world = world().await;
    let order = world.order().await;
    world.await_product("LAMP").await;
    let keep = "create function keep() returns trigger language plpgsql as $$ begin return null; end $$;
         create trigger keep before delete on outbox for each row execute function keep()";
    sqlx::raw_sql(keep).execute(world.pool("order")).await.unwrap();
    world.submit(&[("LAMP", 1)]).await;
    let stall = stands(&order.url(), "outbox", "orders.events").await;
    assert_eq!(stall["partition"], 0, "{stall:#}");
    sqlx::raw_sql("drop trigger keep on outbox").execute(world.pool("order")).await.unwrap();
    world.await_number("order", "select count(*) from outbox", 0).await;
    is_ready(&order.url()).await;
}

/// Another session holds a lock on what each batch writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_session_is_named() {
    let world = world().await;
    let order = world.order().await;
    world.await_product("LAMP").await;
    let mut session = world.pool("order").begin().await.unwrap();
    sqlx::query("lock table orders in access exclusive mode").execute(&mut *session).await.unwrap();
    let id = world.submit(&[("LAMP", 1)]).await;
    let stall = stands(&order.url(), "input", "orders.intake").await;
    assert_eq!(stall["partition"], 0, "{stall:#}");
    session.rollback().await.unwrap();
    world.await_status(id, "pending").await;
    is_ready(&order.url()).await;
}

/// The provider has answered, and another session holds the payment's row.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_recorded_is_named() {
    let mut options = Options { partitions: 1, stall_after: BOUND, ..Options::default() };
    options.provider.latency_ms = 1_000;
    let world = World::with(options).await;
    let [_order, _inventory, payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 10)]).await;
    is_ready(&payment.url()).await;
    let id = world.submit(&[("LAMP", 1)]).await;
    world.await_number("payment", "select count(*) from payments where status = 'processing'", 1).await;
    let mut session = world.pool("payment").begin().await.unwrap();
    sqlx::query("select from payments for update").execute(&mut *session).await.unwrap();
    let stall = until("the answer is named by readiness", || async {
        let (status, body) = readiness(&payment.url()).await;
        let stall =
            body["stalls"].as_array().unwrap().iter().find(|stall| stall["what"] == "answers").cloned();
        stall.filter(|_| status == 503).ok_or(body)
    })
    .await;
    let detail = stall["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("the charge of order {id}")), "{stall:#}");
    session.rollback().await.unwrap();
    world.await_status(id, "confirmed").await;
    is_ready(&payment.url()).await;
}

/// Nothing to read, a parked event, and the partitions of another instance are no stand-still.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_service_and_one_that_parks_stay_ready() {
    // Each instance reads one.
    let world = world_of(2).await;
    let (order, second) = (world.order().await, world.order().await);
    world.await_product("LAMP").await;
    let garbage = minuet_tests::Raw {
        key: Some(b"some key".to_vec()),
        payload: Some(b"no avro".to_vec()),
        ..minuet_tests::Raw::default()
    };
    world.topics.send("orders.intake", &garbage).await;
    world.await_number("order", "select count(*) from dead_letters", 1).await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    let begun = std::time::Instant::now();
    until("the bound is over twice", || async {
        for service in [&order, &second] {
            let (status, body) = readiness(&service.url()).await;
            assert_eq!(status, 200, "{body:#}");
        }
        if begun.elapsed() > BOUND * 2 { Ok(()) } else { Err(begun.elapsed()) }
    })
    .await;
}

/// The broker answers, and takes no event.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_events_are_never_acknowledged_says_so() {
    let world = world().await;
    let services = world.services().await;
    let mut settings = world.gateway_settings(&services);
    settings.stall_seconds = 1;
    let publisher = world.publisher.clone();
    let gateway = Running::start("gateway", move |bound, shutdown| async move {
        minuet_gateway::run(settings, publisher, shutdown, bound).await.map_err(|e| format!("{e:?}"))
    })
    .await;
    let api = Api::new(gateway.address, world.secret());
    let limit = TopicSetting::of(&world, "orders.intake", "max.message.bytes");
    limit.set("100").await;
    let order = json!({"payment_method": "paypal", "lines": [{"sku": "LAMP", "quantity": 1}]});
    let ask = async || api.send(api.as_user(Method::POST, "/v1/orders").json(&order)).await;
    until("the gateway is not ready because of Kafka", || async {
        ask().await;
        let (status, body) = readiness(&gateway.url()).await;
        let detail = body["dependencies"]["kafka"]["detail"].as_str().unwrap_or_default();
        if status == 503 && detail.contains("has acknowledged no event for") { Ok(()) } else { Err(body) }
    })
    .await;
    limit.set("1048576").await;
    until("an order is taken", || async {
        let answer = ask().await;
        if answer.status.is_success() { Ok(()) } else { Err(answer) }
    })
    .await;
    is_ready(&gateway.url()).await;
}
