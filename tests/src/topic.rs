use std::collections::BTreeMap;
use std::time::Duration;

use minuet_events::{Codec, DecodeError, Envelope, Event, values::Micros};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Message, Offset, TopicPartitionList};

/// What lies on the topics of a test, read and written by a client that knows nothing of Minuet.
pub struct Topics {
    brokers: String,
    prefix: String,
    codec: Codec,
}

/// An event as it lies on its topic.
#[derive(Clone, Debug)]
pub struct Consumed {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: String,
    pub headers: BTreeMap<String, String>,
    pub payload: Vec<u8>,
    pub envelope: Envelope,
    pub event: Event,
}

/// A message that may be anything.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Raw {
    /// What a well-behaved program would send.
    pub fn of(envelope: &Envelope, key: &str, payload: Vec<u8>) -> Raw {
        let headers = envelope
            .to_headers()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Some(value.into_bytes())));
        Raw { key: Some(key.as_bytes().to_vec()), payload: Some(payload), headers: headers.collect() }
    }

    pub fn without(mut self, header: &str) -> Raw {
        self.headers.retain(|(name, _)| name != header);
        self
    }

    pub fn with(mut self, header: &str, value: &str) -> Raw {
        self = self.without(header);
        self.headers.push((header.to_owned(), Some(value.as_bytes().to_vec())));
        self
    }
}

impl Topics {
    pub fn new(brokers: &str, prefix: &str, codec: Codec) -> Topics {
        Topics { brokers: brokers.to_owned(), prefix: prefix.to_owned(), codec }
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// Sends by librdkafka's own default partitioner, as a stranger would.
    pub async fn send(&self, topic: &str, raw: &Raw) {
        let producer: FutureProducer = self.client().set("linger.ms", "0").create().unwrap();
        self.send_by(&producer, topic, raw, None).await;
    }

    /// Sends to this partition, as a stranger's own partitioner might.
    pub async fn send_to(&self, topic: &str, raw: &Raw, partition: i32) {
        let producer: FutureProducer = self.client().set("linger.ms", "0").create().unwrap();
        self.send_by(&producer, topic, raw, Some(partition)).await;
    }

    /// Packed, so that the broker takes what is huge once it is unpacked.
    pub async fn send_gzipped(&self, topic: &str, raw: &Raw) {
        let mut config = self.client();
        config.set("compression.type", "gzip").set("message.max.bytes", "1000000000");
        let producer: FutureProducer = config.set("queue.buffering.max.kbytes", "2000000").create().unwrap();
        self.send_by(&producer, topic, raw, None).await;
    }

    async fn send_by(&self, producer: &FutureProducer, topic: &str, raw: &Raw, partition: Option<i32>) {
        let topic = format!("{}{topic}", self.prefix);
        let headers = raw.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_deref() })
        });
        let mut record = FutureRecord::<[u8], [u8]>::to(&topic).headers(headers);
        record.key = raw.key.as_deref();
        record.payload = raw.payload.as_deref();
        record.partition = partition;
        producer.send(record, Duration::from_secs(10)).await.map_err(|(e, _)| e).unwrap();
    }

    /// Everything on a topic, from its beginning to its present end, in order per partition.
    pub async fn read(&self, topic: &str) -> Vec<Consumed> {
        let (config, topic) = (self.client(), format!("{}{topic}", self.prefix));
        let raw = tokio::task::spawn_blocking(move || read_all(config, &topic)).await.unwrap();
        let mut consumed = Vec::new();
        for (topic, partition, offset, key, headers, payload) in raw {
            let envelope =
                Envelope::from_headers(|name| headers.get(name).map(String::as_bytes), Some(&key), Micros(0));
            let event = match self.codec.decode(&payload) {
                Err(DecodeError::UnknownSchema { id }) => {
                    self.codec.resolve(id).await.unwrap();
                    self.codec.decode(&payload)
                }
                decoded => decoded,
            };
            if let (Ok(envelope), Ok(event)) = (envelope, event) {
                consumed.push(Consumed { topic, partition, offset, key, headers, payload, envelope, event });
            }
        }
        consumed
    }

    /// Key and headers of everything on a topic, whatever its contract.
    pub async fn headers(&self, topic: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let (config, topic) = (self.client(), format!("{}{topic}", self.prefix));
        let raw = tokio::task::spawn_blocking(move || read_all(config, &topic)).await.unwrap();
        raw.into_iter().map(|(_, _, _, key, headers, _)| (key, headers)).collect()
    }

    /// Every event about a key, on these topics.
    pub async fn about(&self, key: &str, topics: &[&str]) -> Vec<Consumed> {
        let mut found = Vec::new();
        for topic in topics {
            found.extend(self.read(topic).await.into_iter().filter(|consumed| consumed.key == key));
        }
        found
    }
}

type RawRead = (String, i32, i64, String, BTreeMap<String, String>, Vec<u8>);

fn read_all(mut config: ClientConfig, topic: &str) -> Vec<RawRead> {
    config
        .set("group.id", "test-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    let partitions: Vec<i32> = metadata.topics()[0].partitions().iter().map(|p| p.id()).collect();
    let (mut list, mut open) = (TopicPartitionList::new(), BTreeMap::new());
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).unwrap();
        if low < high {
            list.add_partition_offset(topic, partition, Offset::Offset(low)).unwrap();
            open.insert(partition, high);
        }
    }
    consumer.assign(&list).unwrap();
    let mut read = Vec::new();
    while !open.is_empty() {
        let Some(message) = consumer.poll(Duration::from_secs(10)) else {
            panic!("{topic} cannot be read to its end: {open:?}")
        };
        let message = message.unwrap();
        if open.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
            open.remove(&message.partition());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers().map_or_else(BTreeMap::new, |headers| {
            headers.iter().map(|h| (h.key.to_owned(), text(h.value.unwrap_or_default()))).collect()
        });
        let key = text(message.key().unwrap_or_default());
        let payload = message.payload().unwrap_or_default().to_vec();
        read.push((topic.to_owned(), message.partition(), message.offset(), key, headers, payload));
    }
    read
}
