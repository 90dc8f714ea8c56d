//! Polls Kafka and forwards messages one by one. The receiver forms batches.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use minuet_telemetry::error_chain;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, Message, Offset, Statistics, TopicPartitionList};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::failpoint::{Failpoint, hit};
use crate::kafka::BROKER_TIMEOUT;
use crate::kafka::assignment::{Assignment, Moved};
use crate::kafka::client::Client;
use crate::kafka::fetch_buffer::{self, BufferSender, Closed};
use crate::kafka::revocations::RevocationEpochs;
use crate::store::shards::Shards;
use crate::{Dependency, Health, Incoming};

/// Maximum wait for space in the fetch buffer; then the partitions are paused.
const RESERVE_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) type Polled = StreamConsumer<Membership>;

/// Receives the assignments of the consumer group.
pub(crate) struct Membership {
    pub(crate) assignment: Assignment,
    pub(crate) shards: Arc<Shards>,
    pub(crate) revocations: Arc<RevocationEpochs>,
    pub(crate) assigned: mpsc::UnboundedSender<Vec<u32>>,
    pub(crate) health: Health,
    pub(crate) client: Client,
    /// Notified of errors that concern a topic or a batch.
    pub(crate) trouble: Arc<Notify>,
    /// The broker does not have the protocol of the group.
    pub(crate) lacks_protocol: AtomicBool,
}

impl Membership {
    fn moved(&self, Moved { mut gained, lost }: Moved) {
        // A partition above P has no shard.
        gained.retain(|shard| *shard < self.shards.count());
        if !lost.is_empty() {
            self.shards.give_away(&lost);
        }
        if gained.is_empty() {
            return;
        }
        self.shards.assign(&gained);
        // The channel closes only when the service ends.
        if self.assigned.send(gained).is_err() {
            debug!("partitions were assigned after the service ended");
        }
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.client.stats(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ConsumerContext for Membership {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(_) => {}
            Rebalance::Revoke(partitions) => {
                let elements = partitions.elements();
                for element in &elements {
                    self.revocations.end(element.topic(), element.partition());
                }
                info!(partitions = partitions.count(), "partitions revoked");
                self.moved(self.assignment.remove(elements.iter().map(|e| (e.topic(), e.partition()))));
                hit(Failpoint::WhileGivingAway);
            }
            Rebalance::Error(error) => warn!(error = error_chain(error), "rebalance failed"),
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            info!(partitions = partitions.count(), "partitions assigned");
            // A partition that was paused when it was revoked would stay paused for ever: the poller has resumed what was
            // assigned meanwhile. It pauses again if its buffer is still full.
            resumed(consumer.resume(partitions));
            self.health.up(Dependency::Kafka);
            let elements = partitions.elements();
            self.moved(self.assignment.add(elements.iter().map(|e| (e.topic(), e.partition()))));
        }
    }
}

/// A request to read partitions again from these offsets. `done` receives whether the seek succeeded.
pub(crate) struct Rewind {
    pub(crate) to: TopicPartitionList,
    pub(crate) done: oneshot::Sender<bool>,
}

/// Polls until shutdown. While the fetch buffer is full (the database is away), partitions are paused and polling goes
/// on, so that the group does not evict this instance. Memory is bounded by the buffer and one prefetch queue.
pub(crate) async fn poll(
    consumer: Arc<Polled>,
    to: BufferSender,
    mut rewinds: mpsc::UnboundedReceiver<Rewind>,
    health: Health,
    shutdown: CancellationToken,
) {
    let mut topics: HashMap<String, Arc<str>> = HashMap::new();
    let mut stream = consumer.stream();
    let mut held: VecDeque<Incoming> = VecDeque::new();
    loop {
        let message = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            Some(rewind) = rewinds.recv() => {
                rewind_inputs(&consumer, rewind).await;
                continue;
            }
            permit = to.reserve(held.front().map_or(0, fetch_buffer::size)), if !held.is_empty() => {
                let (Ok(permit), Some(first)) = (permit, held.pop_front()) else { return };
                permit.put(first);
                if held.is_empty() {
                    resume(&consumer);
                }
                continue;
            }
            message = stream.next() => message,
        };
        let message = match message {
            Some(Ok(message)) => message,
            // The broker does not have the group's protocol: the service starts over with another one.
            Some(Err(KafkaError::MessageConsumptionFatal(_))) if lacks_protocol(&consumer) => {
                consumer.context().lacks_protocol.store(true, Ordering::SeqCst);
                shutdown.cancel();
                return;
            }
            // A fatal error: the client is unusable.
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                error!(error = error_chain(&error), "poll failed for good; the consumer ends");
                return;
            }
            // The watch finds out which topic, or which batch, and says so.
            Some(Err(error)) if is_of_a_topic(&error) => {
                consumer.context().client.error(error, "poll");
                consumer.context().trouble.notify_one();
                continue;
            }
            Some(Err(error)) => {
                // The client has logged most of these errors already.
                consumer.context().client.error(error, "poll");
                health.down(Dependency::Kafka, "the broker does not answer");
                continue;
            }
            None => return,
        };
        health.up(Dependency::Kafka);
        let topic = match topics.get(message.topic()) {
            Some(topic) => Arc::clone(topic),
            None => {
                Arc::clone(topics.entry(message.topic().to_owned()).or_insert_with(|| message.topic().into()))
            }
        };
        let revocation_epoch = consumer.context().revocations.of(message.topic(), message.partition());
        let incoming = Incoming::new(&message, topic, revocation_epoch);
        if !held.is_empty() {
            held.push_back(incoming);
            pause(&consumer);
            continue;
        }
        match tokio::time::timeout(RESERVE_TIMEOUT, to.reserve(fetch_buffer::size(&incoming))).await {
            Ok(Ok(permit)) => permit.put(incoming),
            Ok(Err(Closed)) => return,
            Err(_) => {
                held.push_back(incoming);
                pause(&consumer);
            }
        }
    }
}

fn lacks_protocol(consumer: &Polled) -> bool {
    let code = consumer.client().fatal_error().map(|(code, _)| code);
    matches!(code, Some(RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature))
}

fn is_of_a_topic(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| {
        is_unreadable(code)
            || matches!(code, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)
    })
}

/// Whether the error says that a batch cannot be unpacked: its checksum is wrong, it does not decompress, its codec is
/// unknown. librdkafka repeats the error at each fetch and does not move past the batch.
pub(crate) fn is_unreadable(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::BadMessage
            | RDKafkaErrorCode::BadCompression
            | RDKafkaErrorCode::NotImplemented
            | RDKafkaErrorCode::InvalidMessage
    )
}

/// Seeks between two messages, so that each message is either before or after the seek. Raises the revocation epochs,
/// which drops messages in flight.
async fn rewind_inputs(consumer: &Arc<Polled>, Rewind { to, done }: Rewind) {
    let (seeker, list) = (Arc::clone(consumer), to.clone());
    let sought = match tokio::task::spawn_blocking(move || seeker.seek_partitions(list, BROKER_TIMEOUT)).await
    {
        Ok(Ok(sought)) => sought.elements().iter().try_for_each(|element| element.error()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(KafkaError::Canceled),
    };
    match &sought {
        Ok(()) => {
            info!(partitions = to.count(), "partitions are read again from the last processed offsets");
            for element in to.elements() {
                consumer.context().revocations.end(element.topic(), element.partition());
            }
        }
        Err(error) => warn!(error = error_chain(error), "partitions could not be rewound; it is retried"),
    }
    if done.send(sought.is_ok()).is_err() {
        debug!("receiver of the rewind is gone");
    }
}

fn pause(consumer: &Polled) {
    let done = consumer.assignment().and_then(|partitions| consumer.pause(&partitions));
    if let Err(error) = done {
        warn!(error = error_chain(&error), "partitions could not be paused");
    }
}

fn resume(consumer: &Polled) {
    resumed(consumer.assignment().and_then(|partitions| consumer.resume(&partitions)));
}

fn resumed(done: Result<(), KafkaError>) {
    if let Err(error) = done {
        warn!(error = error_chain(&error), "partitions could not be resumed");
    }
}

/// Stores the offsets after these messages; the group continues from there.
pub(crate) fn store_offsets(consumer: &Polled, next: &HashMap<(Arc<str>, i32), i64>) {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in next {
        if let Err(error) = list.add_partition_offset(topic, *partition, Offset::Offset(*offset)) {
            warn!(error = error_chain(&error), topic = &**topic, partition, "offset could not be stored");
        }
    }
    // librdkafka refuses partitions that were revoked; their new owner finds the inbox rows.
    if let Err(error) = consumer.store_offsets(&list) {
        debug!(error = error_chain(&error), "offsets of revoked partitions were not stored");
    }
}
