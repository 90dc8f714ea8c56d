use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use minuet_envelope::{Contract, EncodeError, Envelope};
use minuet_telemetry::Tracer;
use minuet_telemetry::meters::Meters;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureRecord, Producer as _};

use crate::kafka::client::{Client, Producer};
use crate::kafka::config::{self, Linger};
use crate::observe::meters::{self, KafkaStatistics, Sending};
use crate::observe::spans::{self, Sent};
use crate::topics::Catalogue;

/// Produces events straight onto their topics: for the gateway, for `minuet produce`, for any program without an outbox.
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
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("a kafka setting is wrong")]
    Settings(#[source] KafkaError),
    #[error("the event does not fit its schema")]
    Encode(#[from] EncodeError),
    #[error("{topic} did not take the event; it may be sent again")]
    NotAcknowledged { topic: String, source: KafkaError },
    #[error("the broker does not answer")]
    Away(#[source] KafkaError),
}

impl<C: Contract> Publisher<C> {
    /// `client` names this producer in the broker's logs, `traced_as` the service in its spans. Connects in the background.
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
        let producer = config::producer(kafka, client, Linger::No)
            .create_with_context(context)
            .map_err(PublishError::Settings)?;
        Ok(Publisher {
            producer,
            contract,
            catalogue,
            prefix: prefix.to_owned(),
            statistics,
            sending: None,
            meters: None,
            tracer: Tracer::of(traced_as),
        })
    }

    /// What is published from here on is measured.
    #[must_use]
    pub fn measured(mut self, meters: &Meters) -> Self {
        meters::observe_kafka(meters, &[("producer", self.statistics.clone())]);
        self.sending = Some(Sending::new(meters));
        self.meters = Some(meters.clone());
        self
    }

    /// Where it is measured.
    pub fn meters(&self) -> Option<&Meters> {
        self.meters.as_ref()
    }

    /// Returns once every in-sync replica has it (acks=all). On an error the event may still arrive: send it again under
    /// the same id, and it counts once.
    pub async fn publish(&self, envelope: Envelope<C::Kind>, event: C::Event) -> Result<(), PublishError> {
        let key = C::key(&event);
        self.publish_with_key(&key, envelope, event).await
    }

    /// As [`Publisher::publish`], under a key of the caller's choice. A key that is not the event's own is parked by
    /// whoever consumes it.
    pub async fn publish_with_key(
        &self,
        key: &str,
        envelope: Envelope<C::Kind>,
        event: C::Event,
    ) -> Result<(), PublishError> {
        let payload = self.contract.encode(&event)?;
        self.send(key, &envelope, Some(&payload)).await
    }

    /// A null value: what the key names is gone. Only a compacted topic knows that; elsewhere consumers park it.
    pub async fn erase(&self, key: &str, envelope: Envelope<C::Kind>) -> Result<(), PublishError> {
        self.send(key, &envelope, None).await
    }

    /// A message as it was read elsewhere: headers and bytes as they are, on the topic of that name (without the prefix).
    pub async fn repeat(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(String, Option<Vec<u8>>)],
        payload: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
        self.send_to(topic, key, headers, payload).await
    }

    async fn send(
        &self,
        key: &str,
        envelope: &Envelope<C::Kind>,
        payload: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let (topic, headers) = (self.catalogue.topic_of(envelope.event_type), envelope.to_headers());
        let headers = headers.iter().map(|(name, value)| (*name, Some(value.as_bytes())));
        let begun = SystemTime::now();
        let sent = self.send_to(topic, Some(key.as_bytes()), headers, payload).await;
        if self.tracer.records(&envelope.trace) {
            let (whole, id) = (format!("{}{topic}", self.prefix), envelope.id.to_string());
            let told = Sent { trace: &envelope.trace, topic: &whole, plain: topic, key, id: &id, begun };
            let error = sent.as_ref().err().map(|error| error as &(dyn std::error::Error + 'static));
            spans::published::<C>(&self.tracer, told, error);
        }
        sent
    }

    async fn send_to<'a>(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
        payload: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let topic = format!("{}{topic}", self.prefix);
        let headers =
            headers.fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value }));
        let mut record = FutureRecord::<[u8], [u8]>::to(&topic).headers(headers);
        (record.key, record.payload) = (key, payload);
        let begun = Instant::now();
        let sent = self.producer.send(record, Duration::from_secs(5)).await;
        if let Some(sending) = &self.sending {
            let error = sent.as_ref().err().map(|(error, _)| config::error_type(error));
            sending.sent(&topic, 1, begun.elapsed(), error);
        }
        match sent {
            Ok(_) => Ok(()),
            Err((source, _)) => Err(PublishError::NotAcknowledged { topic, source }),
        }
    }

    /// Whether the broker answers.
    pub async fn ready(&self, timeout: Duration) -> Result<(), PublishError> {
        let producer = self.producer.clone();
        let asked =
            tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, timeout).map(drop));
        match asked.await {
            Ok(answer) => answer.map_err(PublishError::Away),
            Err(_) => Err(PublishError::Away(KafkaError::Canceled)),
        }
    }

    /// Waits until what was handed over has left. Dropping a producer discards what is in flight.
    pub async fn flush(&self, timeout: Duration) -> Result<(), PublishError> {
        let producer = self.producer.clone();
        match tokio::task::spawn_blocking(move || producer.flush(timeout)).await {
            Ok(flushed) => flushed.map_err(PublishError::Away),
            Err(_) => Err(PublishError::Away(KafkaError::Canceled)),
        }
    }
}
