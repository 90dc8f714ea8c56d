use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use minuet_events::values::{
    Amount, Currency, Micros, OrderId, PaymentMethod, Quantity, Sku, UserId, WarehouseCode,
};
use minuet_events::{Codec, Envelope, Event, TraceContext, catalog, inventory, orders};
use minuet_identity::{Secret, Verifier};
use minuet_messaging::topics::Catalogue;
use minuet_messaging::{Clock, Publisher, ServiceParts, Settings};
use minuet_payment::provider::{PaymentGateway, ProviderSettings};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::Api;
use crate::service::Running;
use crate::stack::Servers;
use crate::topic::Topics;
use crate::wait::until;

/// Registered once per process: the schemas are the same for every test.
static CODEC: OnceCell<Codec> = OnceCell::const_new();

pub const SERVICES: [&str; 3] = ["order", "inventory", "payment"];
/// How long a look into a database may wait: the machine may be busy, or the server down on purpose.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "a secret of the tests, long enough for HS256";

/// What a test may want otherwise.
pub struct Options {
    pub partitions: u32,
    pub replication: u32,
    pub provider: ProviderSettings,
    pub clock: Clock,
    /// Of each service.
    pub database_connections: u32,
    /// For how long something may stand still before a service is not ready.
    pub stall_after: Duration,
    /// How members of a consumer group share partitions: auto, classic or consumer.
    pub group_protocol: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        let provider = ProviderSettings { latency_ms: 0, success_rate: 1.0, ..ProviderSettings::default() };
        Options {
            partitions: 4,
            replication: 1,
            provider,
            clock: Clock::System,
            database_connections: 4,
            stall_after: Duration::from_secs(30),
            group_protocol: "auto",
        }
    }
}

impl Options {
    /// Time as the test says: the second part moves it.
    pub fn with_time() -> (Options, Time) {
        Options::with_time_ago(time::Duration::ZERO)
    }

    /// The services' time begins that long ago. Where hours pass, the services end up at the brokers' time: they park an event
    /// whose time lies far ahead of Kafka's.
    pub fn with_time_ago(ago: time::Duration) -> (Options, Time) {
        let now = Micros::from_datetime(time::OffsetDateTime::now_utc() - ago);
        let micros = Arc::new(AtomicI64::new(now.0));
        (Options { clock: Clock::Manual(Arc::clone(&micros)), ..Options::default() }, Time(micros))
    }
}

/// The services' clock.
pub struct Time(Arc<AtomicI64>);

impl Time {
    pub fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }

    pub fn pass(&self, minutes: i64) {
        self.0.fetch_add(minutes * 60_000_000, Ordering::SeqCst);
    }
}

/// An installation of its own on the shared servers.
pub struct World {
    pub prefix: String,
    pub codec: Codec,
    pub catalogue: Arc<Catalogue<minuet_events::EventType>>,
    pub publisher: Publisher<Codec>,
    pub topics: Topics,
    pub options: Options,
    kafka: BTreeMap<String, String>,
    registry: String,
    verifier: Arc<Verifier>,
    databases: BTreeMap<&'static str, String>,
    pools: BTreeMap<&'static str, PgPool>,
}

impl World {
    pub async fn new() -> World {
        World::with(Options::default()).await
    }

    pub async fn with(options: Options) -> World {
        World::on(Servers::shared().await, options).await
    }

    pub async fn on(servers: Servers<'_>, options: Options) -> World {
        let id = format!("t{}", &Uuid::new_v4().simple().to_string()[..8]);
        let prefix = format!("{id}.");
        let kafka = BTreeMap::from([("bootstrap.servers".to_owned(), servers.kafka.to_owned())]);
        let catalogue =
            Catalogue::parse(minuet_events::TOPICS).unwrap().with_partitions(options.partitions).unwrap();
        let catalogue = catalogue.with_replication(options.replication).unwrap();
        catalogue.apply(&kafka, &prefix).await.unwrap();
        let catalogue = Arc::new(catalogue);
        let codec =
            CODEC.get_or_init(async || Codec::register(servers.registry).await.unwrap()).await.clone();
        let (mut databases, mut pools) = (BTreeMap::new(), BTreeMap::new());
        for service in SERVICES {
            let name = format!("{id}_{service}");
            servers.databases.create_database(&name).await.unwrap();
            let url = servers.databases.database_url(&name);
            match service {
                "order" => minuet_order::migrate(&url).await.unwrap(),
                "inventory" => minuet_inventory::migrate(&url).await.unwrap(),
                _ => minuet_payment::migrate(&url).await.unwrap(),
            }
            let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE);
            pools.insert(service, pool.connect_lazy(&url).unwrap());
            databases.insert(service, url);
        }
        let publisher =
            Publisher::new(&kafka, "test", "tool", codec.clone(), Arc::clone(&catalogue), &prefix).unwrap();
        let topics = Topics::new(servers.kafka, &prefix, codec.clone());
        let registry = servers.registry.to_owned();
        let identity =
            minuet_identity::Settings { jwt_secret: Some(Secret::new(SECRET)), ..Default::default() };
        let verifier = Arc::new(identity.verifier().unwrap());
        World {
            prefix,
            codec,
            catalogue,
            publisher,
            topics,
            options,
            kafka,
            registry,
            verifier,
            databases,
            pools,
        }
    }

    /// The databases by service.
    pub fn pools(&self) -> &BTreeMap<&'static str, PgPool> {
        &self.pools
    }

    /// From now on the service has another database than the fresh one.
    pub fn replace_database(&mut self, service: &'static str, url: String, pool: PgPool) {
        self.databases.insert(service, url);
        self.pools.insert(service, pool);
    }

    /// A copy of the service's database as it is now, and its URL: what a backup, or a replica that lags, would be. The
    /// service has to be stopped.
    pub async fn copy_database(&self, service: &'static str) -> String {
        let from = self.databases[service].rsplit('/').next().unwrap_or_default().to_owned();
        let from = from.split('?').next().unwrap_or_default();
        let to = format!("{from}_{}", &Uuid::new_v4().simple().to_string()[..8]);
        Servers::shared().await.databases.copy_database(from, &to).await.unwrap();
        self.databases[service].replace(from, &to)
    }

    /// The service has this database from now on.
    pub fn put_back(&mut self, service: &'static str, url: String) {
        let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE);
        let pool = pool.connect_lazy(&url).unwrap();
        self.replace_database(service, url, pool);
    }

    /// For looking into a service's database.
    pub fn pool(&self, service: &str) -> &PgPool {
        &self.pools[service]
    }

    pub fn settings(&self, service: &str) -> Settings {
        let mut settings = Settings::new(self.kafka.clone(), self.databases[service].clone());
        settings.topic_prefix = self.prefix.clone();
        settings.database_connections = self.options.database_connections;
        settings.identity = Some(Arc::clone(&self.verifier));
        settings.sample_interval = std::time::Duration::from_millis(200);
        settings.stall_after = self.options.stall_after;
        settings.kafka.insert("group.protocol".to_owned(), self.options.group_protocol.to_owned());
        if settings.stall_after < Duration::from_secs(10) {
            // The consumer's positions are seen that often.
            settings.kafka.insert("statistics.interval.ms".to_owned(), "200".to_owned());
        }
        settings
    }

    pub async fn order(&self) -> Running {
        let order = self.order_begun().await;
        order.ready().await;
        order
    }

    /// The order service, which may refuse to be ready.
    pub async fn order_begun(&self) -> Running {
        let settings =
            minuet_order::Settings { listen: any_port(), sweep_interval_ms: 50, ..Default::default() };
        let parts = self.parts("order");
        Running::begin("order", move |bound, shutdown| async move {
            minuet_order::run(settings, parts, bound, shutdown).await.map_err(|e| format!("{e:?}"))
        })
        .await
    }

    pub async fn inventory(&self) -> Running {
        let settings =
            minuet_inventory::Settings { listen: any_port(), sweep_interval_ms: 50, ..Default::default() };
        let parts = self.parts("inventory");
        Running::start("inventory", move |bound, shutdown| async move {
            minuet_inventory::run(settings, parts, bound, shutdown).await.map_err(|e| format!("{e:?}"))
        })
        .await
    }

    pub async fn payment(&self) -> Running {
        let provider = self.options.provider.clone();
        let settings = minuet_payment::Settings { listen: any_port(), provider, ..Default::default() };
        let parts = self.parts("payment");
        Running::start("payment", move |bound, shutdown| async move {
            Box::pin(minuet_payment::run(settings, parts, bound, shutdown))
                .await
                .map_err(|e| format!("{e:?}"))
        })
        .await
    }

    /// The payment service with a provider of the test's own.
    pub async fn payment_with<G: PaymentGateway>(&self, gateway: Arc<G>) -> Running {
        self.payment_as(gateway, minuet_payment::Settings::default()).await
    }

    /// The same with settings of the test's own.
    pub async fn payment_as<G: PaymentGateway>(
        &self,
        gateway: Arc<G>,
        settings: minuet_payment::Settings,
    ) -> Running {
        let settings = minuet_payment::Settings { listen: any_port(), ..settings };
        let parts = self.parts("payment");
        Running::start("payment", move |bound, shutdown| async move {
            let running = minuet_payment::run_with(gateway, settings, parts, bound, shutdown);
            Box::pin(running).await.map_err(|e| format!("{e:?}"))
        })
        .await
    }

    /// The parts of a service on this installation.
    pub fn parts(&self, service: &str) -> ServiceParts<Codec> {
        ServiceParts {
            settings: self.settings(service),
            contract: self.codec.clone(),
            catalogue: Arc::clone(&self.catalogue),
            clock: self.options.clock.clone(),
        }
    }

    pub async fn services(&self) -> [Running; 3] {
        [self.order().await, self.inventory().await, self.payment().await]
    }

    /// The gateway in front of these services, and a client of it.
    pub async fn gateway(&self, services: &[Running; 3]) -> (Running, Api) {
        let settings = self.gateway_settings(services);
        let publisher = self.publisher.clone();
        let running = Running::start("gateway", move |bound, shutdown: CancellationToken| async move {
            minuet_gateway::run(settings, publisher, shutdown, bound).await.map_err(|e| format!("{e:?}"))
        })
        .await;
        let api = Api::new(running.address, SECRET);
        (running, api)
    }

    pub fn gateway_settings(&self, services: &[Running; 3]) -> minuet_gateway::Settings {
        let settings = serde_json::json!({
            "listen": "127.0.0.1:0",
            "order_url": services[0].url(),
            "inventory_url": services[1].url(),
            "jwt_secret": SECRET,
            // A slow machine is no reason for a 202.
            "answer_wait_ms": 15_000,
        });
        serde_json::from_value(settings).unwrap()
    }

    /// The registry's Confluent API.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// librdkafka's settings.
    pub fn kafka(&self) -> &BTreeMap<String, String> {
        &self.kafka
    }

    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// An intake event as `minuet produce` would send it.
    pub fn envelope(&self, event: &Event) -> Envelope {
        let id = Uuid::now_v7();
        let key: Arc<str> = event.key().into();
        Envelope {
            id,
            event_type: event.event_type(),
            source: "/test".into(),
            subject: Arc::clone(&key),
            time: Micros::from_datetime(time::OffsetDateTime::now_utc()),
            correlation_id: key,
            causation_id: None,
            sequence: None,
            trace: TraceContext::derived("/test", id),
        }
    }

    pub async fn publish(&self, event: impl Into<Event>) -> Envelope {
        let event = event.into();
        let envelope = self.envelope(&event);
        self.publisher.publish(envelope.clone(), event).await.unwrap();
        envelope
    }

    /// A product for sale, with stock, and both known to the services.
    pub async fn product(&self, sku: &str, price: &str, stock: &[(&str, i32)]) {
        self.publish(product(sku, price, "EUR", true)).await;
        for (warehouse, quantity) in stock {
            self.publish(adjustment(sku, warehouse, *quantity)).await;
        }
        self.await_product(sku).await;
        until("the stock is there", || async {
            let count: i64 = sqlx::query_scalar("select count(*) from stock where sku = $1")
                .bind(sku)
                .fetch_one(self.pool("inventory"))
                .await
                .unwrap();
            if count as usize == stock.len() { Ok(()) } else { Err(count) }
        })
        .await;
    }

    pub async fn await_product(&self, sku: &str) {
        until("the product is known", || async {
            let known: Option<String> = sqlx::query_scalar("select sku from products where sku = $1")
                .bind(sku)
                .fetch_optional(self.pool("order"))
                .await
                .unwrap();
            known.ok_or(())
        })
        .await;
    }

    /// Submits an order as an event.
    pub async fn submit(&self, lines: &[(&str, u32)]) -> OrderId {
        let submitted = submission(lines);
        let id = submitted.order_id;
        self.publish(submitted).await;
        id
    }

    pub async fn status(&self, order: OrderId) -> Option<String> {
        sqlx::query_scalar("select status::text from orders where id = $1")
            .bind(order.as_uuid())
            .fetch_optional(self.pool("order"))
            .await
            .unwrap()
    }

    pub async fn await_status(&self, order: OrderId, status: &str) {
        until(&format!("order {order} is {status}"), || async {
            let seen = self.status(order).await;
            if seen.as_deref() == Some(status) { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    /// A number from a service's database.
    pub async fn number(&self, service: &str, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.pool(service)).await.unwrap()
    }

    pub async fn await_number(&self, service: &str, sql: &'static str, wanted: i64) {
        until(&format!("{sql} gives {wanted}"), || async {
            let seen = self.number(service, sql).await;
            if seen == wanted { Ok(()) } else { Err(seen) }
        })
        .await;
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub fn product(sku: &str, price: &str, currency: &str, active: bool) -> catalog::ProductChanged {
    catalog::ProductChanged {
        sku: Sku::parse(sku).unwrap(),
        name: format!("Product {sku}"),
        currency: Currency::parse(currency).unwrap(),
        unit_price: Amount::parse(price).unwrap(),
        active,
    }
}

pub fn adjustment(sku: &str, warehouse: &str, delta: i32) -> inventory::StockAdjusted {
    inventory::StockAdjusted {
        adjustment_id: Uuid::now_v7().into(),
        sku: Sku::parse(sku).unwrap(),
        warehouse_code: WarehouseCode::parse(warehouse).unwrap(),
        delta,
        reason: "test".to_owned(),
    }
}

pub fn submission(lines: &[(&str, u32)]) -> orders::OrderSubmitted {
    let line = |(sku, quantity): &(&str, u32)| orders::SubmittedLine {
        sku: Sku::parse(sku).unwrap(),
        quantity: Quantity::new(*quantity).unwrap(),
    };
    orders::OrderSubmitted {
        order_id: Uuid::now_v7().into(),
        user_id: UserId::parse("user-1").unwrap(),
        payment_method: PaymentMethod::CreditCard,
        lines: lines.iter().map(line).collect(),
        expected_total: None,
        payment_token: None,
    }
}
