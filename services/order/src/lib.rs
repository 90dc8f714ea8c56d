//! Orders: prices what was submitted, and follows an order to its end.
//!
//! It promises that an order that was submitted is answered by OrderPlaced or OrderRejected, and that its status is that of
//! the events that reached it. Its state: `orders`, and `products`, the view that it prices from. What happens in which
//! state is [`domain::decide`]; what that means for a batch is in `react.rs`; [`PARTICIPANT`] is the same as a table.

pub mod domain;
mod expiry;
mod http;
mod messaging;
mod meters;
mod names;
mod react;
mod row;
mod spans;
mod store;
mod view;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, TryFutureExt};
use minuet_events::Codec;
use minuet_events::values::{OrderId, Sku};
use minuet_http::BindError;
use minuet_messaging::{
    BatchHandler, DatabaseError, InRange, OutOfRange, Service, ServiceError, ServiceParts, SteppedService,
    Waiters, out_of, sweeps_within_an_hour, within_a_month,
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use meters::OrderMeters;
pub use react::PARTICIPANT;
pub use store::STATEMENTS;

/// The section `[order]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the queries are answered: a private address.
    pub listen: SocketAddr,
    /// How old an order may become, in seconds, that is neither confirmed nor cancelled nor failed.
    pub deadline_seconds: u32,
    /// How often orders past their deadline are looked for, in milliseconds.
    pub sweep_interval_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8091)),
            deadline_seconds: 30 * 60,
            sweep_interval_ms: 5_000,
        }
    }
}

impl InRange for Settings {
    fn out_of_range(&self) -> Vec<OutOfRange> {
        out_of(&[
            within_a_month("deadline_seconds", self.deadline_seconds),
            sweeps_within_an_hour(self.sweep_interval_ms),
        ])
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("the order service cannot listen")]
    Bind(#[from] BindError),
    #[error("the order service cannot run")]
    Service(#[from] ServiceError),
    #[error("the order service's HTTP ended")]
    Http(#[from] std::io::Error),
}

pub async fn migrate(database_url: &str) -> Result<(), DatabaseError> {
    minuet_messaging::migrate(database_url, &sqlx::migrate!("../../migrations/order")).await
}

/// Queries of an order service in the same process: what its HTTP routes answer, without HTTP.
#[derive(Clone)]
pub struct LocalQueries(http::Queries);

impl LocalQueries {
    /// The order as `GET /orders/{id}` shows it, once it is priced or refused; with `wants_end` once it has ended. After `wait` as it is.
    /// `None`: it is unknown.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn order(
        &self,
        id: OrderId,
        wants_end: bool,
        wait: Duration,
    ) -> Result<Option<serde_json::Value>, sqlx::Error> {
        self.0.order(id, wants_end, wait).await
    }
}

/// Runs the service until `shutdown`. `bound` is told the HTTP address.
pub async fn run(
    settings: Settings,
    parts: ServiceParts<Codec>,
    bound: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), OrderError> {
    run_with(settings, parts, |address, _| bound(address), shutdown).await
}

/// As [`run`]. `bound` also gets the queries, for other services of this process.
pub async fn run_with(
    settings: Settings,
    parts: ServiceParts<Codec>,
    bound: impl FnOnce(SocketAddr, LocalQueries) + Send,
    shutdown: CancellationToken,
) -> Result<(), OrderError> {
    let listener = minuet_http::bind(settings.listen).await?;
    let address = listener.local_addr()?;
    let retention = parts.settings.inbox_retention;
    let service = Service::new("order", parts, spans::OrderSpans)?;
    let waiting = Waiting::default();
    let queries = http::Queries { context: service.context().clone(), waiting: waiting.clone() };
    bound(address, LocalQueries(queries.clone()));
    let routes = http::routes(queries).merge(service.routes());
    let handler = handler(&settings, &service, waiting);

    let serving = minuet_http::serve(listener, routes, shutdown.clone());
    let expiring = expiry::run(service.context().clone(), retention, shutdown.clone());
    let running = service.run(Arc::new(handler), shutdown);
    tokio::try_join!(serving.map_err(OrderError::from), running.map_err(OrderError::from), expiring.map(Ok))?;
    Ok(())
}

/// HTTP requests that wait for a commit.
#[derive(Clone, Default)]
pub(crate) struct Waiting {
    /// For the order's submission to be decided.
    pub(crate) submissions: Arc<Waiters<OrderId>>,
    /// For the order's end, or for the refusal of a request about it. Apart from the submissions: a commit in the middle of
    /// an order wakes no request that waits for its end, which would query the database in vain.
    pub(crate) ends: Arc<Waiters<OrderId>>,
    pub(crate) products: Arc<Waiters<Sku>>,
}

fn handler(settings: &Settings, service: &Service<Codec>, waiting: Waiting) -> react::OrderHandler {
    react::OrderHandler {
        context: service.context().clone(),
        meters: OrderMeters::new(service.meters()),
        waiting,
        deadline: time::Duration::seconds(i64::from(settings.deadline_seconds)),
        sweep_interval: std::time::Duration::from_millis(u64::from(settings.sweep_interval_ms)),
    }
}

/// The service without a broker, driven by hand: for the audit and for tests.
#[doc(hidden)]
pub fn stepped(
    settings: Settings,
    parts: ServiceParts<Codec>,
) -> Result<SteppedService<impl BatchHandler<Contract = Codec, Due = OrderId>>, ServiceError> {
    let service = Service::new("order", parts, spans::OrderSpans)?;
    let handler = handler(&settings, &service, Waiting::default());
    Ok(SteppedService::new(service, handler))
}
