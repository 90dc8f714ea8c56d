//! Watches the topics of a running service: each exists, has the declared number of partitions, and can be read. What is
//! wrong is logged, metered and named in readiness. A batch that cannot be unpacked is skipped where a person asked for it.

mod faults;
mod unreadable;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use minuet_telemetry::error_chain;
use minuet_telemetry::meters::{Counter, Meters, Sample, attribute};
use minuet_telemetry::names::meter::{self, attribute as key};
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use crate::kafka::BROKER_TIMEOUT;
use crate::kafka::consumer::{Polled, Rewind};
use crate::runtime::sweeper::Processed;
use crate::store::context::Core;
use crate::topics::TopicName;
use crate::{Dependency, Health};

pub(crate) use faults::MissingTopics;
use faults::{Fault, Faults};
use unreadable::Standing;

/// Interval of the look at the cluster's metadata. An operator learns of a fault within seconds.
const INTERVAL: Duration = Duration::from_secs(2);
/// Minimum pause between two looks for batches that cannot be unpacked: the consumer repeats its error twice a second.
const TROUBLE_PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct TopicWatch {
    pub(crate) core: Arc<Core>,
    pub(crate) consumer: Arc<Polled>,
    /// Settings of a reader besides the group's consumer.
    pub(crate) reader: ClientConfig,
    /// The topics that the service reads or writes, with the declared number of partitions.
    pub(crate) declared: BTreeMap<TopicName, u32>,
    /// The topics that the service reads.
    pub(crate) inputs: Vec<Arc<str>>,
    pub(crate) missing: MissingTopics,
    pub(crate) processed: Arc<Processed>,
    pub(crate) rewinds: mpsc::UnboundedSender<Rewind>,
    /// Notified when the consumer reports an error of a topic.
    pub(crate) trouble: Arc<Notify>,
    pub(crate) health: Health,
    pub(crate) shutdown: CancellationToken,
}

/// The watch's meters.
struct Instruments {
    faults: Sample,
    unreadable: Counter,
    skipped: Counter,
}

impl Instruments {
    fn new(meters: &Meters) -> Self {
        Instruments {
            faults: meters.sample(&meter::TOPIC_FAULT),
            unreadable: meters.counter(&meter::BATCH_UNREADABLE_COUNT),
            skipped: meters.counter(&meter::BATCH_SKIPPED_COUNT),
        }
    }
}

impl TopicWatch {
    pub(crate) async fn run(self) {
        let instruments = Instruments::new(&self.core.meters);
        let (mut known, mut standing, mut troubled) = (Faults::default(), Standing::default(), false);
        loop {
            match self.look(&mut standing, troubled || known.has_unreadable(), &instruments).await {
                Ok(found) => {
                    self.tell(&known, &found, &instruments);
                    known = found;
                }
                // The consumer and the relay tell that the broker is away.
                Err(error) => debug!(error = error_chain(&error), "topics could not be watched"),
            }
            troubled = tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => false,
                () = async {
                    tokio::time::sleep(TROUBLE_PAUSE).await;
                    self.trouble.notified().await;
                } => true,
            };
        }
    }

    async fn look(
        &self,
        standing: &mut Standing,
        troubled: bool,
        instruments: &Instruments,
    ) -> Result<Faults, KafkaError> {
        let mut found = self.compare().await?;
        if troubled {
            found.extend(self.unreadable(standing, instruments).await?);
        } else {
            standing.forget();
        }
        Ok(found)
    }

    /// The cluster's topics against the declared ones. Requests the metadata of all topics, since a request by name may
    /// create the topic.
    async fn compare(&self) -> Result<Faults, KafkaError> {
        let consumer = Arc::clone(&self.consumer);
        let metadata =
            tokio::task::spawn_blocking(move || consumer.fetch_metadata(None, BROKER_TIMEOUT)).await;
        let metadata = metadata.map_err(|_| KafkaError::Canceled)??;
        let actual: BTreeMap<&str, usize> = metadata
            .topics()
            .iter()
            .filter(|topic| topic.error().is_none())
            .map(|topic| (topic.name(), topic.partitions().len()))
            .collect();
        let mut found = Faults::of(&self.declared, |topic| actual.get(topic).copied());
        self.missing.set(found.missing());
        for (topic, partition) in found.added(&self.inputs) {
            let consumer = Arc::clone(&self.consumer);
            let of = Arc::clone(&topic);
            let bounds = move || consumer.fetch_watermarks(&of, partition, BROKER_TIMEOUT);
            let (low, end) =
                tokio::task::spawn_blocking(bounds).await.map_err(|_| KafkaError::Canceled)??;
            found.count_unread(&topic, end - low);
        }
        Ok(found)
    }

    /// Logs each change once, and shows the present state in readiness and meters.
    fn tell(&self, known: &Faults, found: &Faults, instruments: &Instruments) {
        let service = self.core.service;
        for fault in found.not_in(known) {
            match fault {
                Fault::Unreadable { at, code } => {
                    error!(
                        error = error_chain(&KafkaError::MessageConsumption(*code)),
                        service,
                        topic = &*at.topic,
                        partition = at.partition,
                        offset = at.offset,
                        "batch cannot be unpacked; its partition stands until a person has it skipped"
                    );
                    instruments.unreadable.add(1, &[attribute(key::TOPIC, Arc::clone(&at.topic))]);
                }
                fault => error!(service, fault = %fault, "topic cannot be used as declared"),
            }
        }
        for fault in known.not_in(found) {
            info!(service, fault = %fault, "topic fault is over");
        }
        match found.detail() {
            None => self.health.up(Dependency::Topics),
            Some(detail) => self.health.down(Dependency::Topics, &detail),
        }
        let series = found.counts(self.declared.keys()).into_iter().map(|((topic, fault), partitions)| {
            (vec![attribute(key::TOPIC, topic), attribute(key::FAULT, fault)], f64::from(partitions))
        });
        instruments.faults.show(series.collect());
    }
}
