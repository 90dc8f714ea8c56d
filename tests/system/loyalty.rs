//! `examples/loyalty` on the real servers: points are right after duplicates and after SIGKILL.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use minuet_events::orders::{OrderCancelled, OrderConfirmed};
use minuet_events::values::{Amount, Currency, OrderId, UserId};
use minuet_tests::{Folder, Options, Process, Servers, World, until};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

/// As many as the example's `topics.yaml` declares.
const PARTITIONS: u32 = 8;
const USERS: usize = 3;

/// Builds the example as its reader would, with its own lock file. The target folder is this build's: what both depend on is there.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/loyalty"))
        .env("CARGO_TARGET_DIR", profile.parent().unwrap())
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    profile.join("loyalty")
}

struct Shop {
    world: World,
    folder: Folder,
    program: PathBuf,
    loyalty: PgPool,
}

impl Shop {
    async fn new() -> Shop {
        let program = tokio::task::spawn_blocking(build).await.unwrap();
        let world = World::with(Options { partitions: PARTITIONS, ..Options::default() }).await;
        let order = world.settings("order");
        let folder = Folder::new();
        let endpoints = json!({
            "kafka": order.kafka["bootstrap.servers"],
            "registry": world.registry(),
            "topic_prefix": world.prefix,
            "databases": {"order": order.database_url},
        });
        folder.write("endpoints.json", &endpoints.to_string());
        let url = order.database_url.trim_end_matches("order").to_owned() + "loyalty";
        let (_, name) = url.rsplit_once('/').unwrap();
        Servers::shared().await.databases.create_database(name).await.unwrap();
        Shop { world, folder, program, loyalty: PgPool::connect_lazy(&url).unwrap() }
    }

    fn start(&self) -> Process {
        self.folder.other(&self.program, ["endpoints.json"]).start()
    }

    /// An order that earns its number of points, told twice under one id, and once more under another.
    async fn confirm(&self, number: usize) -> OrderId {
        let confirmed = OrderConfirmed {
            order_id: OrderId::new(Uuid::now_v7()),
            user_id: UserId::parse(&format!("user-{}", number % USERS)).unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            total: Amount::parse(&format!("{number}.75")).unwrap(),
        };
        for envelope in
            [self.world.envelope(&confirmed.clone().into()), self.world.envelope(&confirmed.clone().into())]
        {
            for _ in 0..2 {
                self.world.publisher.publish(envelope.clone(), confirmed.clone().into()).await.unwrap();
            }
        }
        confirmed.order_id
    }

    /// `None`: the example has not made its database yet.
    async fn number(&self, sql: &'static str) -> Option<i64> {
        sqlx::query_scalar(sql).fetch_one(&self.loyalty).await.ok()
    }

    async fn parked(&self) -> Vec<(String, String)> {
        let parked = sqlx::query_as("select reason, detail from dead_letters");
        parked.fetch_all(&self.loyalty).await.unwrap_or_default()
    }

    async fn await_rewards(&self, least: usize, loyalty: &Process) {
        until(&format!("{least} orders are rewarded"), || async {
            let seen = self.number("select count(*) from rewards").await;
            if seen >= Some(least as i64) { Ok(()) } else { Err((seen, self.parked().await, loyalty.out())) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_are_right_after_duplicates_and_kills() {
    let shop = Shop::new().await;
    let mut orders = BTreeSet::new();
    // An event of the shop that the example does not know.
    let cancelled = OrderCancelled {
        order_id: OrderId::new(Uuid::now_v7()),
        user_id: UserId::parse("user-0").unwrap(),
        reason: "a reason".into(),
        detail: None,
        return_stock: None,
    };
    shop.world.publish(cancelled).await;

    let mut loyalty = shop.start();
    for round in 0..3 {
        for number in round * 20..(round + 1) * 20 {
            orders.insert(shop.confirm(number).await.to_string());
        }
        // Somewhere in the midst of this round.
        shop.await_rewards(round * 20 + 1, &loyalty).await;
        loyalty.kill();
        loyalty = shop.start();
    }
    // The last process has something to do, so it is running when it is stopped.
    orders.insert(shop.confirm(60).await.to_string());

    shop.await_rewards(orders.len(), &loyalty).await;
    until("every event is published", || async {
        match shop.number("select count(*) from outbox").await {
            Some(0) => Ok(()),
            left => Err((left, loyalty.out())),
        }
    })
    .await;
    let points: Vec<(String, i64)> = sqlx::query_as("select user_id, points from accounts order by user_id")
        .fetch_all(&shop.loyalty)
        .await
        .unwrap();
    let expected = |user: usize| (0..=60).filter(|number| number % USERS == user).sum::<usize>() as i64;
    let expected: Vec<_> = (0..USERS).map(|user| (format!("user-{user}"), expected(user))).collect();
    assert_eq!(points, expected);
    assert_eq!(shop.parked().await, []);
    assert_eq!(shop.number("select sum(points)::bigint from rewards").await, Some((0..=60).sum()));

    // One event per order, however often it was published.
    let published = shop.world.topics.headers("loyalty.events").await;
    let about: BTreeSet<_> =
        published.iter().map(|(key, headers)| (key.clone(), headers["ce_id"].clone())).collect();
    assert_eq!(about.len(), orders.len());
    assert_eq!(about.into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>(), orders);
    assert!(published.iter().all(|(_, headers)| headers["ce_type"] == "loyalty.PointsEarned.v1"));

    loyalty.signal("INT");
    loyalty.ended().await.well();
}
