use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use minuet_envelope::{Contract, EncodeError, Envelope, Micros};
use minuet_telemetry::Tracer;
use minuet_telemetry::meters::{Meters, attribute};
use minuet_telemetry::names::meter::{self, attribute as key};
use parking_lot::Mutex;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::Producer as _;
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::timeout;

use crate::clock::BrokerClock;
use crate::kafka::client::Client;
use crate::kafka::config::{self, Linger};
use crate::kafka::produce_batch::{ProduceBatch, Record};
use crate::kafka::producer::Producer;
use crate::observe::meters::{self, KafkaStatistics, Sending};
use crate::observe::spans::{self, Sent};
use crate::topics::{Catalogue, TopicName};

/// How long an event waits for space in the producer's queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes events directly to their topics, for programs without an outbox: the gateway, `minuet produce`.
#[derive(Clone)]
pub struct Publisher<C: Contract> {
    producer: Producer,
    contract: C,
    catalogue: Arc<Catalogue<C::Kind>>,
    prefix: String,
    statistics: KafkaStatistics,
    sending: Option<Sending>,
    meters: Option<Meters>,
    tracer: Tracer,
    failing: Arc<Mutex<Option<Failing>>>,
    clock: Arc<BrokerClock>,
}

/// Publications fail since the first of these times, and did so last at the second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Failing {
    since: Instant,
    last: Instant,
}

impl Failing {
    /// What a failure makes of it.
    fn after(before: Option<Failing>, now: Instant) -> Failing {
        Failing { since: before.map_or(now, |before| before.since), last: now }
    }

    /// For how long nothing was acknowledged, from `bound` on. `None` too once nothing was tried for as long: nothing is
    /// known then, and a gateway that gets no requests because it is not ready could not find out.
    fn stalled(self, bound: Duration, now: Instant) -> Option<Duration> {
        let (age, silent) =
            (now.saturating_duration_since(self.since), now.saturating_duration_since(self.last));
        (age >= bound && silent < bound).then_some(age)
    }
}

/// Why an event could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// librdkafka rejects a setting.
    #[error("a kafka setting is wrong")]
    Settings(#[source] KafkaError),
    /// The event does not fit its schema.
    #[error("the event does not fit its schema")]
    Encode(#[from] EncodeError),
    /// The broker did not acknowledge the event in time. It may still arrive; publishing it again under the same id has
    /// one effect.
    #[error("{topic} did not take the event; it may be sent again")]
    NotAcknowledged {
        /// The topic.
        topic: String,
        /// The cause.
        source: KafkaError,
    },
    /// The broker does not answer.
    #[error("the broker does not answer")]
    Away(#[source] KafkaError),
}

impl<C: Contract> Publisher<C> {
    /// A publisher that connects in the background. `client` is its name in the broker's logs, `traced_as` the
    /// service's name in spans.
    ///
    /// # Errors
    /// [`PublishError::Settings`]: librdkafka rejects a setting.
    pub fn new(
        kafka: &BTreeMap<String, String>,
        client: &str,
        traced_as: &'static str,
        contract: C,
        catalogue: Arc<Catalogue<C::Kind>>,
        prefix: &str,
    ) -> Result<Self, PublishError> {
        let context = Client::new(client);
        let statistics = context.statistics();
        let config = config::producer(kafka, client, Linger::No);
        let producer = Producer::new(&config, context).map_err(PublishError::Settings)?;
        Ok(Publisher {
            producer,
            contract,
            catalogue,
            prefix: prefix.to_owned(),
            statistics,
            sending: None,
            meters: None,
            tracer: Tracer::of(traced_as),
            failing: Arc::default(),
            clock: Arc::default(),
        })
    }

    /// Records every later publication in these meters.
    #[must_use]
    pub fn measured(mut self, meters: &Meters) -> Self {
        meters::observe_kafka(meters, &[("producer", self.statistics.clone())]);
        let clock = Arc::clone(&self.clock);
        meters.gauge(&meter::CLOCK_SKEW, move || {
            let skew = clock.skew().into_iter();
            skew.map(|skew| (vec![attribute(key::REFERENCE, "broker")], skew.as_seconds_f64())).collect()
        });
        self.sending = Some(Sending::new(meters));
        self.meters = Some(meters.clone());
        self
    }

    /// The registry given to [`Publisher::measured`].
    pub fn meters(&self) -> Option<&Meters> {
        self.meters.as_ref()
    }

    /// The broker's time, for the `ce_time` of an event. `None`: the broker has not said any, since nothing was published yet, or
    /// the topics take the producer's time.
    pub fn broker_time(&self) -> Option<Micros> {
        self.clock.now()
    }

    /// Publishes an event under its own key. Returns after every in-sync replica has it (`acks=all`).
    ///
    /// # Errors
    /// [`PublishError::Encode`]; [`PublishError::NotAcknowledged`]: the event may still arrive. Publish it again under
    /// the same id: it takes effect once.
    pub async fn publish(&self, envelope: Envelope<C::Kind>, event: C::Event) -> Result<(), PublishError> {
        let key = C::key(&event);
        self.publish_with_key(&key, envelope, event).await
    }

    /// As [`Publisher::publish`], under a key of the caller's choice. Consumers park an event whose key is not its own.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub async fn publish_with_key(
        &self,
        key: &str,
        envelope: Envelope<C::Kind>,
        event: C::Event,
    ) -> Result<(), PublishError> {
        let payload = self.contract.encode(&event)?;
        self.send(key, &envelope, Some(&payload)).await
    }

    /// Publishes a tombstone (null value): the key's subject is deleted. Only compacted topics take tombstones;
    /// consumers park them elsewhere.
    ///
    /// # Errors
    /// [`PublishError::NotAcknowledged`].
    pub async fn erase(&self, key: &str, envelope: Envelope<C::Kind>) -> Result<(), PublishError> {
        self.send(key, &envelope, None).await
    }

    /// Publishes a recorded message unchanged. `topic` has no prefix.
    ///
    /// # Errors
    /// [`PublishError::NotAcknowledged`].
    pub async fn repeat(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(String, Option<Vec<u8>>)],
        payload: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
        self.send_to(&TopicName::new(&self.prefix, topic), key, headers, payload).await
    }

    async fn send(
        &self,
        key: &str,
        envelope: &Envelope<C::Kind>,
        payload: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let topic = TopicName::new(&self.prefix, self.catalogue.topic_of(envelope.event_type));
        let headers = envelope.to_headers();
        let headers = headers.iter().map(|(name, value)| (*name, Some(value.as_bytes())));
        let begun = SystemTime::now();
        let sent = self.send_to(&topic, Some(key.as_bytes()), headers, payload).await;
        if self.tracer.records(&envelope.trace) {
            let id = envelope.id.to_string();
            let event = Sent { trace: &envelope.trace, topic: &topic, key, id: &id, begun };
            let error = sent.as_ref().err().map(|error| error as &(dyn std::error::Error + 'static));
            spans::published::<C>(&self.tracer, event, error);
        }
        sent
    }

    async fn send_to<'a>(
        &self,
        topic: &TopicName,
        key: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
        payload: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let headers =
            headers.fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value }));
        let partition = self.catalogue.partition_of(topic.plain(), key);
        let record = Record { topic: topic.full(), key, partition, payload, timestamp: None, headers };
        let (begun, batch) = (Instant::now(), ProduceBatch::new(1));
        let sent = match timeout(QUEUE_TIMEOUT, batch.send(&self.producer, 0, record)).await {
            Ok(()) => batch.results().await.into_iter().collect::<Result<Vec<()>, _>>().map(drop),
            Err(_) => Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)),
        };
        if let Some(sending) = &self.sending {
            let error = sent.as_ref().err().map(config::error_type);
            sending.sent(topic.full(), 1, begun.elapsed(), error);
        }
        {
            let mut failing = self.failing.lock();
            match &sent {
                Ok(()) => *failing = None,
                Err(_) => *failing = Some(Failing::after(*failing, Instant::now())),
            }
        }
        if let Some((handed_over, appended)) = batch.appended() {
            self.clock.acknowledged(handed_over, appended);
        }
        sent.map_err(|source| PublishError::NotAcknowledged { topic: topic.full().to_owned(), source })
    }

    /// For how long no event was acknowledged although events were published, from `bound` on. A broker may answer and
    /// acknowledge nothing: in-sync replicas may be missing, or the topic takes no event of this size. `None`: events are acknowledged, or none was published for as
    /// long.
    pub fn stalled(&self, bound: Duration) -> Option<Duration> {
        let failing = *self.failing.lock();
        failing?.stalled(bound, Instant::now())
    }

    /// Checks whether the broker answers.
    ///
    /// # Errors
    /// [`PublishError::Away`]: no answer within `timeout`.
    pub async fn ready(&self, timeout: Duration) -> Result<(), PublishError> {
        let producer = self.producer.clone();
        let asked =
            tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, timeout).map(drop));
        match asked.await {
            Ok(answer) => answer.map_err(PublishError::Away),
            Err(_) => Err(PublishError::Away(KafkaError::Canceled)),
        }
    }

    /// Waits until every queued event is sent. Dropping a producer discards its queue.
    ///
    /// # Errors
    /// [`PublishError::Away`]: events are left after `timeout`.
    pub async fn flush(&self, timeout: Duration) -> Result<(), PublishError> {
        let producer = self.producer.clone();
        match tokio::task::spawn_blocking(move || producer.flush(timeout)).await {
            Ok(flushed) => flushed.map_err(PublishError::Away),
            Err(_) => Err(PublishError::Away(KafkaError::Canceled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_acknowledged_stalls_until_it_is_not_tried_any_more() {
        let (start, bound) = (Instant::now(), Duration::from_secs(30));
        let at = |second| start + Duration::from_secs(second);
        let stalled = |failing: Failing, second| failing.stalled(bound, at(second)).is_some();
        let first = Failing::after(None, at(0));
        assert!(!stalled(first, 29) && !stalled(first, 30), "one failure, and no request since");
        let second = Failing::after(Some(first), at(25));
        assert_eq!(second.since, first.since);
        assert_eq!([stalled(second, 29), stalled(second, 30), stalled(second, 55)], [false, true, false]);
    }
}
