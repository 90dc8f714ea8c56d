use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use minuet_events::values::{Micros, OrderId};
use minuet_events::{Codec, EventType};
use minuet_gateway::{LocalOrders, Until};
use minuet_identity::Verifier;
use minuet_messaging::topics::Catalogue;
use minuet_messaging::{Clock, Publisher, ReadError, ServiceParts};
use minuet_telemetry::error_chain;
use minuet_telemetry::meters::Hub;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::demo::recorded::{self, Recorded};
use crate::error::CliError;
use crate::settings::{MessagingSection, Settings};

const REGISTRY_RETRY_INTERVAL: Duration = Duration::from_secs(1);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// What every service of a process shares: where Kafka is, and the contract.
pub(crate) struct Shared {
    kafka: BTreeMap<String, String>,
    topic_prefix: String,
    codec: Codec,
    catalogue: Arc<Catalogue<EventType>>,
    meters: Hub,
    /// The queries of the order service, if it runs in this process.
    orders: OnceLock<minuet_order::LocalQueries>,
    /// Whose tokens the services believe. None: nobody's.
    identity: Option<Arc<Verifier>>,
    _follows_keys: Option<AbortOnDropHandle<()>>,
}

impl Shared {
    /// Registers the schemas. While the registry is away it is asked again; None if `shutdown` came first.
    pub(crate) async fn connect(
        settings: &Settings,
        shutdown: &CancellationToken,
    ) -> Result<Option<Arc<Shared>>, CliError> {
        let catalogue = Arc::new(settings.catalogue()?);
        let identity = match settings.identity.names_a_key() {
            true => Some(Arc::new(settings.identity.verifier()?)),
            false => None,
        };
        let url = settings.registry_url()?;
        let codec = loop {
            let failed = match Codec::register(url).await {
                Ok(codec) => break codec,
                Err(error) => CliError::from(error),
            };
            if !failed.is_transient() {
                return Err(failed);
            }
            warn!(error = error_chain(&failed), "schema registry does not answer; it is retried");
            tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                () = tokio::time::sleep(REGISTRY_RETRY_INTERVAL) => {}
            }
        };
        Ok(Some(Arc::new(Shared {
            kafka: settings.kafka.clone(),
            topic_prefix: settings.topic_prefix.clone(),
            codec,
            catalogue,
            meters: Hub::default(),
            orders: OnceLock::new(),
            _follows_keys: identity.clone().map(follow),
            identity,
        })))
    }

    /// The parts of the service of this name.
    pub(super) fn parts(
        &self,
        name: &'static str,
        section: &MessagingSection,
    ) -> Result<ServiceParts<Codec>, CliError> {
        let mut settings = minuet_messaging::Settings::new(self.kafka.clone(), section.database_url.clone());
        settings.topic_prefix = self.topic_prefix.clone();
        section.apply_to(&mut settings);
        settings.meters = Some(self.meters.meters(name)?);
        settings.identity.clone_from(&self.identity);
        let (contract, catalogue) = (self.codec.clone(), Arc::clone(&self.catalogue));
        Ok(ServiceParts { settings, contract, catalogue, clock: Clock::System })
    }

    /// The order service of this process listens.
    pub(super) fn has_orders(&self, queries: minuet_order::LocalQueries) {
        // A process runs one.
        self.orders.get_or_init(|| queries);
    }

    /// For the gateway. `None`: the order service is elsewhere.
    pub(super) fn local_orders(&self) -> Option<Arc<dyn LocalOrders>> {
        let queries = self.orders.get()?.clone();
        Some(Arc::new(Orders(queries)))
    }

    /// Of every service of this process.
    pub(crate) fn meters(&self) -> &Hub {
        &self.meters
    }

    /// Pushes what was measured last, if anybody is pushed to.
    pub(crate) async fn close(&self) {
        let meters = self.meters.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || meters.shutdown()).await {
            warn!(error = error_chain(&error), "meters could not be shut down");
        }
    }

    /// The recorded events of one order, oldest first, as far as they lie in the partition of its key.
    pub(crate) async fn history(&self, order: &str, since: Micros) -> Result<Vec<Recorded>, ReadError> {
        recorded::read(&self.kafka, &self.topic_prefix, &self.catalogue, &self.codec, order, since).await
    }

    /// `client` names it in the broker's logs, `traced_as` in spans.
    pub(crate) fn publisher(
        &self,
        client: &str,
        traced_as: &'static str,
    ) -> Result<Publisher<Codec>, CliError> {
        let (codec, catalogue) = (self.codec.clone(), Arc::clone(&self.catalogue));
        Ok(Publisher::new(&self.kafka, client, traced_as, codec, catalogue, &self.topic_prefix)?)
    }
}

/// The gateway's view of the order service beside it.
struct Orders(minuet_order::LocalQueries);

impl LocalOrders for Orders {
    fn order(
        &self,
        id: OrderId,
        until: Until,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Option<Value>, Box<dyn Error + Send + Sync>>> {
        let wants_end = match until {
            Until::Known => false,
            Until::Final => true,
        };
        async move { Ok(self.0.order(id, wants_end, wait).await?) }.boxed()
    }
}

/// Takes over a key set whenever its file changes, as long as the services run.
fn follow(verifier: Arc<Verifier>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move { match minuet_identity::follow(&verifier).await {} }))
}

/// Dropping a producer discards what is in flight.
pub(crate) async fn flush(publisher: &Publisher<Codec>) {
    if let Err(error) = publisher.flush(FLUSH_TIMEOUT).await {
        warn!(error = error_chain(&error), "publisher could not be flushed");
    }
}
