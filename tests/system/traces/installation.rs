//! Four processes that tell a receiver of the test's what they do.

use std::collections::BTreeMap;

use minuet_tests::{Folder, Minuet, Process, SERVICES, World, stack, until};
use minuet_traces::{Receiver, Tree};
use serde_json::{Value, json};

pub(super) const SECRET: &str = "a secret of the traces' tests, long enough for HS256";

pub(super) struct Installation {
    pub(super) world: World,
    pub(super) receiver: Receiver,
    pub(super) processes: BTreeMap<&'static str, Process>,
    folder: Folder,
    protocol: &'static str,
    variables: Vec<(&'static str, String)>,
    gateway: String,
}

impl Installation {
    pub(super) async fn start(protocol: &'static str, variables: &[(&'static str, &str)]) -> Self {
        let mut shop = Installation {
            world: World::new().await,
            receiver: Receiver::start().unwrap(),
            processes: BTreeMap::new(),
            folder: Folder::new(),
            protocol,
            variables: variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            gateway: String::new(),
        };
        for name in SERVICES {
            let process = shop.service(name).await.start();
            shop.processes.insert(name, process);
        }
        for name in SERVICES {
            ready(&shop.processes[name]).await;
        }
        let gateway = shop.program("gateway").await.env("MINUET_GATEWAY__JWT_SECRET", SECRET);
        let gateway = gateway.env("MINUET_GATEWAY__ORDER_URL", url(&shop.processes["order"]).await);
        let gateway = gateway.env("MINUET_GATEWAY__INVENTORY_URL", url(&shop.processes["inventory"]).await);
        let gateway = gateway.start();
        shop.gateway = ready(&gateway).await;
        shop.processes.insert("gateway", gateway);
        shop.world.product("TEA-1", "1.50", &[("BER", 1_000)]).await;
        shop
    }

    async fn program(&self, name: &str) -> Minuet {
        let (stack, upper) = (stack().await, name.to_uppercase());
        let mut minuet = self
            .folder
            .minuet([name])
            .env("MINUET_KAFKA__BOOTSTRAP_SERVERS", stack.kafka())
            .env("MINUET_REGISTRY__URL", stack.registry())
            .env("MINUET_TOPIC_PREFIX", &self.world.prefix)
            .env("MINUET_TOPICS__PARTITIONS", self.world.options.partitions.to_string())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", self.receiver.url())
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", self.protocol)
            .env("OTEL_LOGS_EXPORTER", "otlp")
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "65536")
            .env(&format!("MINUET_{upper}__LISTEN"), "127.0.0.1:0");
        for (variable, value) in &self.variables {
            minuet = minuet.env(variable, value);
        }
        minuet
    }

    async fn service(&self, name: &'static str) -> Minuet {
        let database = format!("MINUET_{}__DATABASE_URL", name.to_uppercase());
        self.program(name)
            .await
            .env(&database, self.world.settings(name).database_url)
            .env("MINUET_PAYMENT__PROVIDER__SUCCESS_RATE", "1.0")
            .env("MINUET_PAYMENT__PROVIDER__LATENCY_MS", "20")
    }

    /// The service again, to be killed at a point and passage: at passage 1 the next time that it comes there. The one before has read everything and said
    /// so, and nothing but the batch itself wakes the relay: so it is the next event that is killed, and nothing of it leaves.
    pub(super) async fn with_fault(mut self, name: &'static str, point: &str) -> Self {
        let before = self.processes.remove(name).unwrap();
        before.signal("TERM");
        before.ended().await.well();
        let process = self.service(name).await.env("MINUET_FAULT", point);
        let poll = format!("MINUET_{}__RELAY_POLL_MS", name.to_uppercase());
        let process = process.env(&poll, "60000").start();
        ready(&process).await;
        self.folder.write("armed", "");
        self.processes.insert(name, process);
        self
    }

    /// Once it has died by its fault.
    pub(super) async fn restarted(mut self, name: &'static str) -> Self {
        let died = self.processes.remove(name).unwrap().ended().await;
        assert_eq!(died.code, None, "{died:#?}");
        let process = self.service(name).await.start();
        ready(&process).await;
        self.processes.insert(name, process);
        self
    }

    /// Sent by anna, who does not wait. Gives the order's id.
    pub(super) async fn order(&self, lines: &[(&str, u32)]) -> String {
        self.send_order(None, lines).await
    }

    pub(super) async fn order_in(&self, traceparent: &str, lines: &[(&str, u32)]) -> String {
        self.send_order(Some(traceparent), lines).await
    }

    async fn send_order(&self, traceparent: Option<&str>, lines: &[(&str, u32)]) -> String {
        let lines: Vec<Value> =
            lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        let request = reqwest::Client::new().post(format!("{}/v1/orders", self.gateway));
        let request = request.bearer_auth(token("anna", false)).header("prefer", "respond-async");
        let request = match traceparent {
            Some(traceparent) => request.header("traceparent", traceparent),
            None => request,
        };
        let answer = request.json(&json!({"payment_method": "paypal", "lines": lines})).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{answer:?}");
        let body: Value = answer.json().await.unwrap();
        body["order_id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.gateway));
        request.bearer_auth(token("anna", false)).send().await.unwrap().json().await.unwrap()
    }

    pub(super) async fn post_as_admin(&self, path: &str, body: &Value) -> reqwest::StatusCode {
        let request = reqwest::Client::new().post(format!("{}{path}", self.gateway));
        request.bearer_auth(token("boss", true)).json(body).send().await.unwrap().status()
    }

    /// The order's own trace, once it looks like this.
    pub(super) async fn tree(&self, order: &str, wanted: &str) -> Tree {
        self.tree_of(order, &[wanted.to_owned()]).await
    }

    /// The same, where it may look like one of these.
    pub(super) async fn tree_of(&self, order: &str, wanted: &[String]) -> Tree {
        self.tree_when(order, |tree| wanted.contains(&tree.to_string())).await
    }

    /// The order's own trace, once these lines are in it.
    pub(super) async fn tree_with(&self, order: &str, lines: &[&str]) -> Tree {
        self.tree_when(order, |tree| {
            let text = tree.to_string();
            lines.iter().all(|line| text.lines().any(|told| told.trim() == *line)) && tree.orphans.is_empty()
        })
        .await
    }

    async fn tree_when(&self, order: &str, is_whole: impl Fn(&Tree) -> bool) -> Tree {
        until("the order's trace is as it should be", || async {
            let trace = self.receiver.store.traces_of(order).into_iter().next().ok_or_else(String::new)?;
            let tree = Tree::of(self.receiver.store.trace(&trace));
            if is_whole(&tree) { Ok(tree) } else { Err(format!("\n{tree}")) }
        })
        .await
    }

    /// Another trace than the order's own, in which the order is named.
    pub(super) async fn other_trace(&self, order: &str, wanted: &str) -> Tree {
        let database = format!("SELECT {}", self.database("order"));
        let wanted = wanted.replace("SELECT DATABASE", &database);
        until("another trace is as it should be", || async {
            let traces = self.receiver.store.traces_of(order).into_iter().skip(1);
            let trees: Vec<Tree> = traces.map(|id| Tree::of(self.receiver.store.trace(&id))).collect();
            let seen: Vec<String> = trees.iter().map(ToString::to_string).collect();
            trees.into_iter().find(|tree| tree.to_string() == wanted).ok_or(seen)
        })
        .await
    }

    /// A request's trace, once its root is told, which is told last.
    pub(super) async fn whole(&self, trace: &str) -> Tree {
        until("the request is told", || async {
            let tree = Tree::of(self.receiver.store.trace(trace));
            if tree.roots() == 1 && tree.orphans.is_empty() { Ok(tree) } else { Err(format!("\n{tree}")) }
        })
        .await
    }

    /// A batch's trace, once it has its transaction.
    pub(super) async fn batch(&self, trace: &str) -> Tree {
        until("the batch is told", || async {
            let tree = Tree::of(self.receiver.store.trace(trace));
            if tree.rows.len() == 2 && tree.orphans.is_empty() { Ok(tree) } else { Err(tree.to_string()) }
        })
        .await
    }

    fn database(&self, service: &str) -> String {
        let url = self.world.settings(service).database_url;
        url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned()
    }

    /// Everything that they wrote.
    pub(super) async fn stop(self) -> String {
        let mut written = String::new();
        for (_, process) in self.processes.into_iter().rev() {
            process.signal("TERM");
            written.push_str(&process.ended().await.well().err);
        }
        written
    }
}

pub(super) fn token(user: &str, admin: bool) -> String {
    minuet_identity::development_token(SECRET, user, admin, std::time::Duration::from_secs(600)).unwrap()
}

/// Where it listens: it says so once it does.
async fn url(process: &Process) -> String {
    let log = process.logs("\"service listens\"").await;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut listening = events.filter(|event| event["message"] == "service listens");
    format!("http://{}", listening.next().unwrap()["address"].as_str().unwrap())
}

async fn ready(process: &Process) -> String {
    let url = url(process).await;
    until("the service is ready", || async {
        let answer = reqwest::get(format!("{url}/readyz")).await.map_err(|e| e.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.text().await.unwrap_or_default()) }
    })
    .await;
    url
}
