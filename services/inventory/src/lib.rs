//! Inventory: reserves every line of an order or none, and confirms or releases what it holds.
//!
//! It promises that nothing is sold twice: on_hand = available + reserved in every level, none negative, and that goods
//! held for an order leave it once. Its state: `stock`, `order_reservations`, `adjustments`. What happens in which state is
//! [`domain::decide`]; what that means for a batch is in `react.rs`; [`PARTICIPANT`] is the same as a table.

pub mod domain;
mod http;
mod messaging;
mod meters;
mod names;
mod react;
mod row;
mod spans;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;

use futures::TryFutureExt;
use minuet_events::Codec;
use minuet_events::values::AdjustmentId;
use minuet_events::values::OrderId;
use minuet_http::BindError;
use minuet_messaging::{
    BatchHandler, DatabaseError, InRange, OutOfRange, Service, ServiceError, ServiceParts, SteppedService,
    Waiters, out_of, sweeps_within_an_hour, within_a_month,
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use meters::InventoryMeters;
pub use react::PARTICIPANT;
pub use store::STATEMENTS;

/// The section `[inventory]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the queries are answered: a private address.
    pub listen: SocketAddr,
    /// How long goods are held for a payment, in seconds.
    pub reservation_seconds: u32,
    /// How often reservations that have expired are looked for, in milliseconds.
    pub sweep_interval_ms: u32,
    /// A sku with this many available items or fewer is low: its meters name it.
    pub low_stock: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8092)),
            reservation_seconds: 15 * 60,
            sweep_interval_ms: 5_000,
            low_stock: 5,
        }
    }
}

impl InRange for Settings {
    fn out_of_range(&self) -> Vec<OutOfRange> {
        out_of(&[
            within_a_month("reservation_seconds", self.reservation_seconds),
            sweeps_within_an_hour(self.sweep_interval_ms),
        ])
    }
}

#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error("the inventory service cannot listen")]
    Bind(#[from] BindError),
    #[error("the inventory service cannot run")]
    Service(#[from] ServiceError),
    #[error("the inventory service's HTTP ended")]
    Http(#[from] std::io::Error),
}

pub async fn migrate(database_url: &str) -> Result<(), DatabaseError> {
    minuet_messaging::migrate(database_url, &sqlx::migrate!("../../migrations/inventory")).await
}

/// Runs the service until `shutdown`. `bound` is told the HTTP address.
pub async fn run(
    settings: Settings,
    parts: ServiceParts<Codec>,
    bound: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), InventoryError> {
    let listener = minuet_http::bind(settings.listen).await?;
    bound(listener.local_addr()?);
    let service = Service::new("inventory", parts, spans::InventorySpans)?;
    let adjustments = Arc::new(Waiters::default());
    let queries = http::Queries { context: service.context().clone(), adjustments: Arc::clone(&adjustments) };
    let routes = http::routes(queries).merge(service.routes());
    let handler = handler(&settings, &service, adjustments);

    let serving = minuet_http::serve(listener, routes, shutdown.clone());
    let running = service.run(Arc::new(handler), shutdown);
    tokio::try_join!(serving.map_err(InventoryError::from), running.map_err(InventoryError::from))?;
    Ok(())
}

fn handler(
    settings: &Settings,
    service: &Service<Codec>,
    adjustments: Arc<Waiters<AdjustmentId>>,
) -> react::InventoryHandler {
    react::InventoryHandler {
        context: service.context().clone(),
        meters: InventoryMeters::new(service.meters(), settings.low_stock),
        adjustments,
        hold: time::Duration::seconds(i64::from(settings.reservation_seconds)),
        sweep_interval: std::time::Duration::from_millis(u64::from(settings.sweep_interval_ms)),
    }
}

/// The service without a broker, driven by hand: for the audit and for tests.
#[doc(hidden)]
pub fn stepped(
    settings: Settings,
    parts: ServiceParts<Codec>,
) -> Result<SteppedService<impl BatchHandler<Contract = Codec, Due = OrderId>>, ServiceError> {
    let service = Service::new("inventory", parts, spans::InventorySpans)?;
    let handler = handler(&settings, &service, Arc::default());
    Ok(SteppedService::new(service, handler))
}
