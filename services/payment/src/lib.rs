//! Payments: charges for what was reserved, and gives back what must not be kept.
//!
//! It promises at most one capture per order, and that a payment is failed only when the provider can no longer capture.
//! A charge is an intent in `payments`, committed before the provider is called and answered by another transaction; in
//! between, a crash neither charges twice nor forgets. What happens in which state is [`domain::decide`]; what that means
//! for a batch is in `react.rs`; [`PARTICIPANT`] is the same as a table.

mod call;
mod call_kind;
mod calls;
pub mod domain;
mod http;
mod messaging;
mod meters;
mod names;
mod origin;
mod payment_trace;
pub mod provider;
mod react;
mod record;
mod row;
mod spans;
mod store;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::TryFutureExt;
use minuet_events::Codec;
use minuet_events::values::{OrderId, RefundId};
use minuet_http::BindError;
use minuet_messaging::{
    BatchHandler, DatabaseError, InRange, OutOfRange, ReactError, Service, ServiceError, ServiceParts,
    SteppedService, out_of,
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use call::ProviderOutcome;
use call_kind::Kind;
use calls::{Calls, Worker};
use provider::stripe::{Stripe, StripeSetupError};
use provider::{PaymentGateway, ProviderKind, ProviderSettings, Simulated, SimulatedError};
pub use react::PARTICIPANT;

use crate::messaging::ServiceContext;
pub use store::STATEMENTS;

/// The section `[payment]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where health is shown: a private address.
    pub listen: SocketAddr,
    /// Most requests at the provider at once. Sixteen times as many calls may be under way: the others wait in the table.
    pub concurrency: usize,
    /// After how many refused or unanswered requests a refund is left to a person.
    pub refund_attempts: u32,
    /// Requests in a second that ask the provider again about open payments, and as many again that follow its webhooks.
    pub asks_per_second: u32,
    pub provider: ProviderSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8093)),
            concurrency: 1024,
            // About five minutes of back-off.
            refund_attempts: 20,
            asks_per_second: 20,
            provider: ProviderSettings::default(),
        }
    }
}

impl InRange for Settings {
    fn out_of_range(&self) -> Vec<OutOfRange> {
        let mut wrong = out_of(&[
            ("concurrency", (1..=16_384).contains(&self.concurrency), "takes 1 to 16384"),
            ("refund_attempts", (1..=10_000).contains(&self.refund_attempts), "takes 1 to 10000"),
            ("asks_per_second", (1..=10_000).contains(&self.asks_per_second), "takes 1 to 10000"),
        ]);
        wrong.extend(self.provider.out_of_range());
        wrong
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    #[error("the payment service cannot listen")]
    Bind(#[from] BindError),
    #[error("the payment service cannot run")]
    Service(#[from] ServiceError),
    #[error("the payment service's HTTP ended")]
    Http(#[from] std::io::Error),
    #[error("the payment provider cannot be reached")]
    Provider(#[from] SimulatedError),
    #[error(transparent)]
    Stripe(#[from] StripeSetupError),
}

pub async fn migrate(database_url: &str) -> Result<(), DatabaseError> {
    minuet_messaging::migrate(database_url, &sqlx::migrate!("../../migrations/payment")).await
}

/// Runs the service with the provider of its settings until `shutdown`. `bound` is told the HTTP address.
pub async fn run(
    settings: Settings,
    parts: ServiceParts<Codec>,
    bound: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), PaymentError> {
    match settings.provider.kind {
        ProviderKind::Simulated => {
            let gateway = Arc::new(Simulated::open(settings.provider.clone())?);
            let telling = {
                let (gateway, shutdown) = (Arc::clone(&gateway), shutdown.clone());
                async move {
                    gateway.send_webhooks(shutdown).await;
                    Ok(())
                }
            };
            let Some(listen) = settings.provider.listen else {
                let running = Box::pin(run_with(gateway, settings, parts, bound, shutdown));
                return tokio::try_join!(telling, running).map(drop);
            };
            let listener = minuet_http::bind(listen).await?;
            let pages = gateway.hosted_pages(listener.local_addr()?);
            let pages = minuet_http::serve(listener, pages, shutdown.clone()).map_err(PaymentError::from);
            let running = Box::pin(run_with(gateway, settings, parts, bound, shutdown));
            tokio::try_join!(pages, telling, running).map(drop)
        }
        ProviderKind::Stripe => {
            let gateway = Arc::new(Stripe::open(&settings.provider.stripe)?);
            Box::pin(run_with(gateway, settings, parts, bound, shutdown)).await
        }
    }
}

/// Runs the service with any provider.
pub async fn run_with<G: PaymentGateway>(
    gateway: Arc<G>,
    settings: Settings,
    parts: ServiceParts<Codec>,
    bound: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), PaymentError> {
    let listener = minuet_http::bind(settings.listen).await?;
    bound(listener.local_addr()?);
    let (identity, bound) = (parts.settings.identity.clone(), parts.settings.stall_after);
    let service = Service::new("payment", parts, spans::PaymentSpans)?;
    let routes = http::routes(service.context().clone(), identity).merge(service.routes());
    let (calls, queue) = Calls::new(service.context().clone(), settings.concurrency);
    let handler = react::PaymentHandler { context: service.context().clone(), calls: calls.clone() };

    let watching = calls.clone().watch(service.health().clone(), bound, shutdown.clone());
    let serving = minuet_http::serve(listener, routes, shutdown.clone());
    let calling =
        Worker::new(gateway, &settings, service.context().clone(), calls, shutdown.clone()).run(queue);
    let running = Box::pin(service.run(Arc::new(handler), shutdown));
    let calling = async {
        calling.await;
        Ok(())
    };
    let watching = async {
        watching.await;
        Ok(())
    };
    tokio::try_join!(
        serving.map_err(PaymentError::from),
        running.map_err(PaymentError::from),
        calling,
        watching
    )?;
    Ok(())
}

/// For tests: the service without a broker, and with nobody to call. What the provider would have said is handed to
/// [`answered`].
#[doc(hidden)]
pub fn stepped(
    parts: ServiceParts<Codec>,
) -> Result<SteppedService<impl BatchHandler<Contract = Codec, Due = OrderId>>, ServiceError> {
    let service = Service::new("payment", parts, spans::PaymentSpans)?;
    let (calls, _) = Calls::new(service.context().clone(), 1);
    let handler = react::PaymentHandler { context: service.context().clone(), calls };
    Ok(SteppedService::new(service, handler))
}

/// For the audit and for tests: what the provider has said about an order.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub charge: Option<domain::Answer>,
    pub refunded: Option<RefundId>,
}

/// For the audit and for tests: records it.
#[doc(hidden)]
pub async fn answered(
    context: &ServiceContext,
    answers: &BTreeMap<OrderId, Answers>,
) -> Result<(), ReactError> {
    let mut outcomes = BTreeMap::new();
    for (order, Answers { charge, refunded }) in answers {
        outcomes
            .extend(charge.clone().map(|answer| ((*order, Kind::Charge), ProviderOutcome::Charge(answer))));
        outcomes.extend(refunded.map(|refund| ((*order, Kind::Refund), ProviderOutcome::Refunded(refund))));
    }
    calls::try_record(context, &outcomes).await.map(drop)
}
