//! Several instances: one is killed, one is stopped and wakes up, each is told to stop, all of it under load.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use minuet_events::values::OrderId;
use minuet_tests::{Consumed, Options, Process, SERVICES, Servers, submission, until};
use serde_json::Value;
use uuid::Uuid;

use super::load::load;
use super::outages::{opened, under_way};
use super::rest::at_rest;
use super::shop::{PLENTY, Shop};

/// What is promised for work to move, and for an instance to stop.
const PROMISED: Duration = Duration::from_secs(10);
const TOPICS: [&str; 3] = ["orders.events", "inventory.events", "payments.events"];

/// Waits until this many instances hold shards.
async fn owners(shop: &Shop, service: &str, wanted: i64) {
    shop.world.await_number(service, "select count(distinct owner) from shards", wanted).await;
}

/// Two instances of each, which have the shards half and half.
async fn twice(shop: &Shop) -> Vec<Process> {
    let second = SERVICES.map(|service| shop.another(service));
    for (service, process) in SERVICES.into_iter().zip(&second) {
        process.logs("shards taken").await;
        owners(shop, service, 2).await;
    }
    second.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_killed_instance_moves_within_ten_seconds() {
    let shop = opened(Servers::shared().await, Options::default(), &[]).await;
    let _second = twice(&shop).await;
    let kill = async {
        under_way(&shop).await;
        SERVICES.into_iter().for_each(|service| shop.kill(service));
        let killed = Instant::now();
        // Of every partition, those of the dead included.
        let mut late = Vec::new();
        for _ in 0..12 {
            let submitted = submission(&[(PLENTY[0], 1)]);
            late.push(submitted.order_id);
            shop.world.publish(submitted).await;
        }
        for service in SERVICES {
            owners(&shop, service, 1).await;
        }
        let moved = killed.elapsed();
        at_end(&shop, &late).await;
        let done = killed.elapsed();
        println!("the shards had moved after {moved:?}, what waited for it was at its end after {done:?}");
        assert!(done < PROMISED, "moved after {moved:?}, at its end after {done:?}");
        late
    };
    let (mut acknowledged, late) = tokio::join!(load(&shop, 40, 201, Duration::from_secs(5)), kill);
    acknowledged.extend::<Vec<OrderId>>(late);
    for service in SERVICES {
        // At home, as the gateway knows them.
        shop.start(service);
    }
    at_rest(&shop, &acknowledged).await;
}

/// The provider declines some of them.
async fn at_end(shop: &Shop, orders: &[OrderId]) {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.as_uuid()).collect();
    until("what came after the kill is at its end", || async {
        let ended: i64 = sqlx::query_scalar(
            "select count(*) from orders where id = any($1) and status in ('confirmed', 'cancelled')",
        )
        .bind(&ids)
        .fetch_one(shop.world.pool("order"))
        .await
        .unwrap();
        if ended == ids.len() as i64 { Ok(()) } else { Err(ended) }
    })
    .await;
}

/// In the midst of a transaction, so that it holds locks that whoever takes over has to wait for.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_wakes_up_after_its_work_has_moved_changes_nothing() {
    let shop = opened(Servers::shared().await, Options::default(), &[]).await;
    let second = twice(&shop).await;
    let stop = async {
        under_way(&shop).await;
        let tables = [
            // Against the stream, so that what each is to wait for still comes.
            ("payment", "lock table payments in exclusive mode", &second[2]),
            ("inventory", "lock table order_reservations in exclusive mode", &second[1]),
            ("order", "lock table orders in exclusive mode", &second[0]),
        ];
        let stopped = Instant::now();
        for (service, lock, process) in tables {
            stop_within_a_transaction(&shop, service, lock, process).await;
        }
        for service in SERVICES {
            owners(&shop, service, 1).await;
        }
        println!("the shards had moved {:?} after the first was stopped", stopped.elapsed());
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, 80, 202, Duration::from_secs(8)), stop);
    at_rest(&shop, &acknowledged).await;

    let before = Contents::of(&shop).await;
    for process in &second {
        process.signal("CONT");
    }
    // They find out, join again, and are given shards: whatever they had up their sleeves is over by then.
    for service in SERVICES {
        owners(&shop, service, 2).await;
    }
    at_rest(&shop, &acknowledged).await;
    Contents::of(&shop).await.only_repeat(&before);
}

/// The second instance, while both wait for a lock.
async fn stop_within_a_transaction(shop: &Shop, service: &str, lock: &'static str, process: &Process) {
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
         and application_name like 'minuet-%'";
    let mut holder = shop.world.pool(service).begin().await.unwrap();
    sqlx::query(lock).execute(&mut *holder).await.unwrap();
    until(&format!("{service} waits for the lock, in two instances"), || async {
        let seen = shop.world.number(service, waiting).await;
        if seen >= 2 { Ok(()) } else { Err(seen) }
    })
    .await;
    process.signal("STOP");
    holder.rollback().await.unwrap();
}

/// What everybody can see of an installation.
struct Contents {
    tables: BTreeMap<&'static str, String>,
    events: Vec<Consumed>,
}

impl Contents {
    async fn of(shop: &Shop) -> Contents {
        let digests = [
            ("order", "select md5(string_agg(t::text, ' ' order by t::text)) from orders t"),
            (
                "inventory",
                "select md5(string_agg(t::text, ' ' order by t::text)) from (select sku, available, reserved, on_hand, version from stock) t",
            ),
            ("payment", "select md5(string_agg(t::text, ' ' order by t::text)) from payments t"),
        ];
        let inbox = "select md5(string_agg(t::text, ' ' order by t::text)) from inbox t";
        let (mut tables, mut events) = (BTreeMap::new(), Vec::new());
        for (service, sql) in digests {
            let pool = shop.world.pool(service);
            let rows: String = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
            let inbox: String = sqlx::query_scalar(inbox).fetch_one(pool).await.unwrap();
            tables.insert(service, rows + &inbox);
        }
        for topic in TOPICS {
            events.extend(shop.world.topics.read(topic).await);
        }
        Contents { tables, events }
    }

    /// Nothing but the same events once more, under the same ids and with the same bytes.
    fn only_repeat(&self, before: &Contents) {
        assert_eq!(self.tables, before.tables);
        let known: HashMap<Uuid, &Consumed> =
            before.events.iter().map(|event| (event.envelope.id, event)).collect();
        for event in &self.events {
            let first = known.get(&event.envelope.id);
            let is_it = first.is_some_and(|first| first.payload == event.payload && first.key == event.key);
            assert!(is_it, "new: {event:#?}");
        }
        let repeated = self.events.len() - before.events.len();
        println!("{} events before; repeated by those who woke up: {repeated}", before.events.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_ends_in_time_and_nothing_comes_again() {
    let shop = opened(Servers::shared().await, Options::default(), &[]).await;
    let stops = async {
        under_way(&shop).await;
        for service in SERVICES {
            let process = shop.process(service);
            let told = Instant::now();
            process.signal("TERM");
            process.ended().await.well();
            let took = told.elapsed();
            println!("{service} had stopped after {took:?}");
            assert!(took < PROMISED, "{service} took {took:?}");
            shop.start(service).logs("shards taken").await;
        }
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, 120, 203, Duration::from_secs(8)), stops);
    at_rest(&shop, &acknowledged).await;
    for service in SERVICES {
        let url = format!("{}/counts", shop.process(service).url().await);
        let counts: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        assert_eq!(counts["duplicates"], 0, "{service} was given again what it had done: {counts}");
    }
    for topic in TOPICS {
        let mut seen = HashMap::new();
        for event in shop.world.topics.read(topic).await {
            let first = seen.insert(event.envelope.id, event.offset);
            assert_eq!(first, None, "published again: {event:#?}");
        }
    }
}
