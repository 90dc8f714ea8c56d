//! A batch of messages that are sent together: one wake-up when all results are known, not one per message.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use minuet_envelope::Micros;
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};
use rdkafka::{ClientContext, Statistics};
use tokio::sync::Notify;

use super::client::Client;

/// Passes each delivery report to the batch of its message.
pub(crate) struct Deliveries(pub(crate) Client);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.0.stats(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<DeliveryHandle>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, handle: Box<DeliveryHandle>) {
        if let Ok(message) = delivered
            && let Timestamp::LogAppendTime(millis) = message.timestamp()
        {
            handle.batch.appended.store(millis, Ordering::Relaxed);
        }
        let result = delivered.as_ref().map(drop).map_err(|(error, _)| error.clone());
        handle.batch.complete(handle.index, result);
    }
}

pub(crate) type Sent = Result<(), KafkaError>;

/// The index of a message in its batch.
pub(crate) struct DeliveryHandle {
    batch: Arc<ProduceBatch>,
    index: usize,
}

pub(crate) struct ProduceBatch {
    begun: Instant,
    /// The time at which the broker appended the last message, in milliseconds since 1970. 0: it does not say.
    appended: AtomicI64,
    state: Mutex<State>,
    all_complete: Notify,
}

struct State {
    results: Vec<Sent>,
    open: usize,
}

impl ProduceBatch {
    /// A batch of so many messages. Each must be passed to [`ProduceBatch::send`].
    pub(crate) fn new(messages: usize) -> Arc<Self> {
        // The value of a result that never arrives.
        let results = vec![Err(KafkaError::Canceled); messages];
        Arc::new(ProduceBatch {
            begun: Instant::now(),
            appended: AtomicI64::new(0),
            state: Mutex::new(State { results, open: messages }),
            all_complete: Notify::new(),
        })
    }

    /// Enqueues a message; waits only for space in the producer's queue.
    pub(crate) async fn send(
        self: &Arc<Self>,
        producer: &BaseProducer<Deliveries>,
        index: usize,
        record: Record<'_>,
    ) {
        let handle = Box::new(DeliveryHandle { batch: Arc::clone(self), index });
        let mut record = record.with(handle);
        loop {
            let refused = match producer.send(record) {
                Ok(()) => return,
                Err(refused) => refused,
            };
            match refused {
                (KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned) => {
                    record = returned;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                (error, _) => return self.complete(index, Err(error)),
            }
        }
    }

    /// The results by index, when all are known: the producer reports each within its `message.timeout.ms`.
    pub(crate) async fn results(&self) -> Vec<Sent> {
        loop {
            // `Notify` keeps the permit of an earlier notification.
            if let Some(results) = self.take_results() {
                return results;
            }
            self.all_complete.notified().await;
        }
    }

    /// When the first message was handed over, and when the broker appended one, by its own clock. `None`: the topics
    /// take the producer's time.
    pub(crate) fn appended(&self) -> Option<(Instant, Micros)> {
        let millis = self.appended.load(Ordering::Relaxed);
        (millis > 0).then(|| (self.begun, Micros::from_millis(millis)))
    }

    fn take_results(&self) -> Option<Vec<Sent>> {
        let mut state = self.state.lock();
        (state.open == 0).then(|| std::mem::take(&mut state.results))
    }

    fn complete(&self, index: usize, result: Sent) {
        let mut state = self.state.lock();
        if let Some(slot) = state.results.get_mut(index) {
            *slot = result;
        }
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            self.all_complete.notify_one();
        }
    }
}

/// A message to send.
pub(crate) struct Record<'a> {
    pub(crate) topic: &'a str,
    pub(crate) key: Option<&'a [u8]>,
    /// `None`: any partition.
    pub(crate) partition: Option<i32>,
    /// `None`: a tombstone.
    pub(crate) payload: Option<&'a [u8]>,
    /// In milliseconds since 1970. `None`: the client's own clock.
    pub(crate) timestamp: Option<i64>,
    pub(crate) headers: rdkafka::message::OwnedHeaders,
}

impl<'a> Record<'a> {
    fn with(self, handle: Box<DeliveryHandle>) -> BaseRecord<'a, [u8], [u8], Box<DeliveryHandle>> {
        let Record { topic, key, partition, payload, timestamp, headers } = self;
        let record = BaseRecord::with_opaque_to(topic, handle).headers(headers);
        BaseRecord { key, payload, partition, timestamp, ..record }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn results_come_once_every_message_has_one() {
        let batch = ProduceBatch::new(2);
        batch.complete(1, Err(KafkaError::Canceled));
        assert!(batch.results().now_or_never().is_none(), "one is still on its way");
        batch.complete(0, Ok(()));
        assert_eq!(batch.results().await, [Ok(()), Err(KafkaError::Canceled)]);
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken() {
        let batch = ProduceBatch::new(1);
        let waiting = tokio::spawn({
            let batch = Arc::clone(&batch);
            async move { batch.results().await }
        });
        batch.complete(0, Ok(()));
        assert_eq!(waiting.await.unwrap(), [Ok(())]);
    }
}
