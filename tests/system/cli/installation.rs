//! What `minuet up` brought up in a folder, and what a user sees of it.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use minuet_events::{Codec, Event};
use minuet_tests::{Done, Folder, Process, SERVICES, Server, Topics, books_of, until};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// Every topic whose events are decoded again after a restart.
const TOPICS: [&str; 6] = [
    "orders.intake",
    "orders.events",
    "inventory.events",
    "inventory.stock",
    "payments.events",
    "catalog.products",
];

/// What lies where: topic, partition, offset.
pub(super) type Recorded = HashMap<(String, i32, i64), Event>;

pub(super) struct Installation<'a> {
    pub(super) folder: &'a Folder,
    pub(super) process: Process,
    pub(super) endpoints: Value,
    pub(super) pools: BTreeMap<&'static str, PgPool>,
    /// From the command to the last of its words.
    pub(super) took: Duration,
}

impl<'a> Installation<'a> {
    /// Every payment succeeds, after `latency_ms`.
    pub(super) async fn start(folder: &'a Folder, latency_ms: u32, arguments: &[&str]) -> Self {
        let begun = Instant::now();
        let up = folder.minuet(["up"].iter().chain(arguments));
        let up = up.env("MINUET_PAYMENT__PROVIDER__SUCCESS_RATE", "1.0");
        let process = up.env("MINUET_PAYMENT__PROVIDER__LATENCY_MS", latency_ms.to_string()).start();
        process.prints("Ctrl-C stops it").await;
        let took = begun.elapsed();
        let path = folder.path().join(".minuet/endpoints.json");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "there are passwords in it");
        let endpoints: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let pool = |service| {
            let url = endpoints["databases"][service].as_str().unwrap();
            (service, minuet_messaging::connect(url, 2, "test").unwrap())
        };
        let pools = SERVICES.map(pool).into();
        Installation { folder, process, endpoints, pools, took }
    }

    pub(super) fn endpoint(&self, name: &str) -> &str {
        self.endpoints[name].as_str().unwrap()
    }

    pub(super) fn port(&self, name: &str) -> u16 {
        self.endpoint(name).rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap()
    }

    /// A tool, from the same folder, told nothing.
    pub(super) async fn tool(&self, arguments: &[&str]) -> Done {
        self.folder.minuet(arguments).run().await.well()
    }

    pub(super) async fn token(&self, arguments: &[&str]) -> String {
        let token = self.tool(&[&["token"], arguments].concat()).await;
        token.out.trim().to_owned()
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.endpoint("gateway")));
        let answer = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Everything on the topics, by a reader that knows no schema but by its id.
    pub(super) async fn recorded(&self) -> Recorded {
        let codec = Codec::register(self.endpoint("registry")).await.unwrap();
        let topics = Topics::new(self.endpoint("kafka"), "", codec);
        let mut recorded = HashMap::new();
        for topic in TOPICS {
            for consumed in topics.read(topic).await {
                recorded.insert((consumed.topic, consumed.partition, consumed.offset), consumed.event);
            }
        }
        recorded
    }

    /// Everything that it started, in processes of their own.
    pub(super) fn servers(&self) -> Vec<Server> {
        let servers = self.folder.servers(self.process.pid);
        for name in ["postgres", "kafka.Kafka", "quarkus-run.jar"] {
            assert!(servers.iter().any(|server| server.command.contains(name)), "{name} in {servers:#?}");
        }
        servers
    }

    /// Orders that are not at their end yet.
    pub(super) async fn open(&self) -> i64 {
        let open = "select count(*) from orders where status in ('pending', 'paid')";
        sqlx::query_scalar(open).fetch_one(&self.pools["order"]).await.unwrap()
    }

    /// Every one of these orders is known and confirmed in the end, and then the books balance.
    pub(super) async fn all_confirmed(&self, acknowledged: &[Uuid]) {
        until("every acknowledged order is confirmed", || async {
            let count = "select status::text, count(*) from orders where id = any($1) group by 1";
            let found: Vec<(String, i64)> =
                sqlx::query_as(count).bind(acknowledged).fetch_all(&self.pools["order"]).await.unwrap();
            let all = [("confirmed".to_owned(), acknowledged.len() as i64)];
            if found == all { Ok(()) } else { Err((found, acknowledged.len())) }
        })
        .await;
        books_of(&self.pools).await;
    }

    pub(super) async fn close_pools(&self) {
        for pool in self.pools.values() {
            pool.close().await;
        }
    }
}
