//! Loyalty: a service of one's own beside Minuet. Each confirmed order earns its user points.

mod contract;
mod handler;
mod points;
mod store;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use minuet_avro::SchemaRegistry;
use minuet_messaging::topics::Catalogue;
use minuet_messaging::{
    CancellationToken, Service, ServiceParts, Settings, cancel_on_signal, create_database, migrate,
};
use serde::Deserialize;

use contract::LoyaltyContract;
use handler::Loyalty;

/// What `make up` writes: where everything listens.
#[derive(Deserialize)]
struct Endpoints {
    kafka: String,
    registry: String,
    topic_prefix: String,
    databases: BTreeMap<String, String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let file = std::env::args().nth(1).unwrap_or_else(|| "../../.minuet/endpoints.json".to_owned());
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}; is `make up` running?"))?;
    let Endpoints { kafka, registry, topic_prefix, databases } = serde_json::from_str(&text)?;

    // A database of its own, on the shop's server: `postgres://.../minuet_order` becomes `postgres://.../minuet_loyalty`.
    let database = databases["order"].trim_end_matches("order").to_owned() + "loyalty";
    create_database(&database).await?;
    migrate(&database, &sqlx::migrate!()).await?;

    let kafka = BTreeMap::from([("bootstrap.servers".to_owned(), kafka)]);
    let catalogue = Catalogue::parse(include_str!("../topics.yaml"))?;
    catalogue.apply(&kafka, &topic_prefix).await?;

    let schemas = [include_str!("../schemas/PointsEarned.avsc")];
    let contract = LoyaltyContract(SchemaRegistry::register(&registry, &schemas).await?);
    let settings = Settings { topic_prefix, ..Settings::new(kafka, database) };
    let service = Service::new("loyalty", ServiceParts::new(settings, contract, catalogue), ())?;
    let loyalty = Loyalty { source: service.context().source() };

    let shutdown = CancellationToken::new();
    cancel_on_signal(shutdown.clone())?;
    Ok(service.run(Arc::new(loyalty), shutdown).await?)
}
