use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use minuet_events::Codec;
use minuet_events::values::Micros;
use minuet_identity::Verifier;
use minuet_messaging::topics::Catalogue;
use minuet_messaging::{HistoryError, Publisher, Recorded, history};
use minuet_telemetry::error_chain;
use minuet_telemetry::meters::Hub;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::error::CliError;
use crate::settings::{Lane, Settings};

const REGISTRY_AGAIN: Duration = Duration::from_secs(1);
const FLUSH: Duration = Duration::from_secs(5);

/// What every service of a process shares: where Kafka is, and the contract.
pub(crate) struct Shared {
    kafka: BTreeMap<String, String>,
    topic_prefix: String,
    registry_url: String,
    codec: Codec,
    catalogue: Arc<Catalogue>,
    meters: Hub,
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
            warn!(reason = error_chain(&failed), "registry_away");
            tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                () = tokio::time::sleep(REGISTRY_AGAIN) => {}
            }
        };
        Ok(Some(Arc::new(Shared {
            kafka: settings.kafka.clone(),
            topic_prefix: settings.topic_prefix.clone(),
            registry_url: url.to_owned(),
            codec,
            catalogue,
            meters: Hub::default(),
            _follows_keys: identity.clone().map(follow),
            identity,
        })))
    }

    pub(super) fn contract(&self) -> (Codec, Arc<Catalogue>) {
        (self.codec.clone(), Arc::clone(&self.catalogue))
    }

    /// `name`: whose meters they are.
    pub(super) fn messaging(
        &self,
        name: &'static str,
        lane: &Lane,
    ) -> Result<minuet_messaging::Settings, CliError> {
        let mut settings = minuet_messaging::Settings::new(
            self.kafka.clone(),
            self.registry_url.clone(),
            lane.database_url.clone(),
        );
        settings.topic_prefix = self.topic_prefix.clone();
        lane.apply_to(&mut settings);
        settings.meters = Some(self.meters.meters(name)?);
        settings.identity.clone_from(&self.identity);
        Ok(settings)
    }

    /// Of every service of this process.
    pub(crate) fn meters(&self) -> &Hub {
        &self.meters
    }

    /// Pushes what was measured last, if anybody is pushed to.
    pub(crate) async fn close(&self) {
        let meters = self.meters.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || meters.shutdown()).await {
            warn!(%error, "meters");
        }
    }

    /// What lies on the topics about one order.
    pub(crate) async fn history(&self, order: &str, since: Micros) -> Result<Vec<Recorded>, HistoryError> {
        history(&self.kafka, &self.topic_prefix, &self.catalogue, &self.codec, order, since).await
    }

    /// `client` names it in the broker's logs.
    pub(crate) fn publisher(&self, client: &str) -> Result<Publisher, CliError> {
        let (codec, catalogue) = self.contract();
        Ok(Publisher::new(&self.kafka, client, codec, catalogue, &self.topic_prefix)?)
    }
}

/// Takes over a key set whenever its file changes, as long as the services run.
fn follow(verifier: Arc<Verifier>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move { match minuet_identity::follow(&verifier).await {} }))
}

/// Dropping a producer discards what is in flight.
pub(crate) async fn flush(publisher: &Publisher) {
    if let Err(error) = publisher.flush(FLUSH).await {
        warn!(reason = error_chain(&error), "flush");
    }
}
