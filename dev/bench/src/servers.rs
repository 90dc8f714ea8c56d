//! Kafka, PostgreSQL and the registry: our own with the workload's settings, or given ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use minuet_events::Codec;
use minuet_messaging::topics::Catalogue;
use minuet_stack::{Ports, Stack, StackOptions};
use sqlx::PgPool;
use uuid::Uuid;

use crate::endpoints::Endpoints;
use crate::progress::Progress;
use crate::scratch::Scratch;
use crate::{Args, BenchError};

pub(crate) const SERVICES: [&str; 3] = ["order", "inventory", "payment"];
/// The library is loaded wherever it is installed; counting statements costs some percent.
const TRACK: &str = "pg_stat_statements.track";
/// The benchmark's own connections to each database.
const CONNECTIONS: u32 = 2;

pub(crate) struct Servers {
    /// librdkafka's settings.
    pub(crate) kafka: BTreeMap<String, String>,
    pub(crate) registry: String,
    pub(crate) prefix: String,
    pub(crate) codec: Codec,
    pub(crate) catalogue: Arc<Catalogue<minuet_events::EventType>>,
    pub(crate) databases: Vec<Database>,
    stack: Option<Stack>,
}

pub(crate) struct Database {
    pub(crate) service: &'static str,
    pub(crate) url: String,
    pub(crate) pool: PgPool,
}

impl Servers {
    /// Answers once the databases are migrated and the topics and schemas are there.
    pub(crate) async fn start(
        args: &Args,
        scratch: &Scratch,
        progress: &Progress,
    ) -> Result<Self, BenchError> {
        let Some(path) = &args.endpoints else {
            let stack = Stack::start(options(args, scratch), |_| {}).await?;
            progress.phase("Kafka, PostgreSQL and the schema registry run");
            stack.set_postgres(TRACK, if args.profile { "top" } else { "none" }).await?;
            let (kafka, registry) = (stack.kafka().to_owned(), stack.registry().to_owned());
            let mut databases = Vec::new();
            for service in SERVICES {
                let name = format!("minuet_{service}");
                stack.create_database(&name).await?;
                databases.push(Database::open(service, stack.database_url(&name))?);
            }
            return Self::prepare(args, kafka, registry, String::new(), databases, Some(stack)).await;
        };
        let given = Endpoints::read(path)?;
        let mut databases = Vec::new();
        for service in SERVICES {
            databases.push(Database::open(service, given.database(path, service)?)?);
        }
        nobody_else(path, &databases).await?;
        let id = Uuid::new_v4().simple().to_string();
        let prefix = format!("bench-{}.", id.get(..8).unwrap_or_default());
        Self::prepare(args, given.kafka, given.registry, prefix, databases, None).await
    }

    async fn prepare(
        args: &Args,
        kafka: String,
        registry: String,
        prefix: String,
        databases: Vec<Database>,
        stack: Option<Stack>,
    ) -> Result<Self, BenchError> {
        for Database { service, url, .. } in &databases {
            let migrated = match *service {
                "order" => minuet_order::migrate(url).await,
                "inventory" => minuet_inventory::migrate(url).await,
                _ => minuet_payment::migrate(url).await,
            };
            migrated.map_err(|source| BenchError::Database { service, source })?;
        }
        let kafka = BTreeMap::from([("bootstrap.servers".to_owned(), kafka)]);
        let mut catalogue = Catalogue::parse(minuet_events::TOPICS)?;
        if let Some(partitions) = args.size.partitions {
            catalogue = catalogue.with_partitions(partitions)?;
        }
        catalogue.apply(&kafka, &prefix).await?;
        let codec = Codec::register(&registry).await?;
        Ok(Servers { kafka, registry, prefix, codec, catalogue: Arc::new(catalogue), databases, stack })
    }

    pub(crate) fn pool(&self, service: &str) -> Result<&PgPool, BenchError> {
        let found = self.databases.iter().find(|database| database.service == service);
        found.map(|database| &database.pool).ok_or(BenchError::Query(sqlx::Error::PoolClosed))
    }

    /// Makes PostgreSQL count statements from now on. False where it cannot: on given servers, or without the library.
    pub(crate) async fn count_statements(&self) -> Result<bool, BenchError> {
        let Some(stack) = &self.stack else { return Ok(false) };
        stack.set_postgres(TRACK, "top").await?;
        let counts = "select exists (select from pg_extension where extname = 'pg_stat_statements')";
        Ok(sqlx::query_scalar(counts).fetch_one(self.pool("order")?).await?)
    }

    /// Every statement that was counted so far in the services' databases, BEGIN and COMMIT among them.
    pub(crate) async fn statements(&self) -> Result<i64, BenchError> {
        let mut all = 0;
        for database in &self.databases {
            let sum = "select coalesce(sum(calls), 0)::bigint from pg_stat_statements
                 where dbid = (select oid from pg_database where datname = current_database())";
            all += sqlx::query_scalar::<_, i64>(sum).fetch_one(&database.pool).await?;
        }
        Ok(all)
    }

    pub(crate) async fn stop(self) -> Result<(), BenchError> {
        for database in &self.databases {
            database.pool.close().await;
        }
        match self.stack {
            Some(stack) => Ok(stack.stop().await?),
            None => Ok(()),
        }
    }
}

impl Database {
    fn open(service: &'static str, url: String) -> Result<Self, BenchError> {
        let pool = minuet_messaging::connect(&url, CONNECTIONS, "bench")
            .map_err(|source| BenchError::Database { service, source })?;
        Ok(Database { service, url, pool })
    }
}

/// The stack's own settings are those of the workload.
fn options(args: &Args, scratch: &Scratch) -> StackOptions {
    let mut options = StackOptions::for_up(scratch.servers());
    options.ports = Ports::ANY;
    options.ephemeral = true;
    // Otherwise Java's second compiler takes half of the broker's CPU for the first minutes, and a run measures that.
    options.quick_java = true;
    options.kafka_settings.clone_from(&args.broker);
    options
}

/// Two programs on one database would take each other's shards.
async fn nobody_else(path: &Path, databases: &[Database]) -> Result<(), BenchError> {
    for Database { pool, .. } in databases {
        let found: Option<String> = sqlx::query_scalar(
            "select string_agg(distinct application_name, ', ') from pg_stat_activity
             where datname = current_database() and application_name = any($1)",
        )
        .bind(SERVICES.map(|service| format!("minuet-{service}")).to_vec())
        .fetch_one(pool)
        .await?;
        if let Some(found) = found {
            return Err(BenchError::InUse { path: path.to_owned(), found });
        }
    }
    Ok(())
}
