//! The two producers of a relay. At most one row per key is in flight, so either may send any row. A message of one
//! producer whose acknowledgement timed out may arrive after later messages of the other: a repetition, as after a
//! takeover.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;

use crate::kafka::client::Client;
use crate::kafka::config::{self, Linger};
use crate::kafka::producer::Producer;
use crate::observe::meters::KafkaStatistics;

/// Minimum number of rows for the batching producer.
const MIN_BATCHING_ROWS: usize = 8;

/// A client's statistics under its name for meters.
type Shown = (&'static str, KafkaStatistics);

#[derive(Clone)]
pub(crate) struct Producers {
    low_latency: Producer,
    batching: Producer,
}

impl Producers {
    /// The producers, and the statistics of their clients.
    pub(crate) fn new(
        kafka: &BTreeMap<String, String>,
        owner: &str,
    ) -> Result<(Self, [Shown; 2]), KafkaError> {
        let (low_latency, batching) = (Client::new(owner), Client::new(owner));
        let statistics =
            [("producer", low_latency.statistics()), ("batching-producer", batching.statistics())];
        let producer = |linger, client: Client| -> Result<Producer, KafkaError> {
            Producer::new(&config::producer(kafka, owner, linger), client)
        };
        let producers = Producers {
            low_latency: producer(Linger::No, low_latency)?,
            batching: producer(Linger::Batch, batching)?,
        };
        Ok((producers, statistics))
    }

    /// The producer for a batch of so many rows.
    pub(crate) fn of(&self, rows: usize) -> &Producer {
        if rows < MIN_BATCHING_ROWS { &self.low_latency } else { &self.batching }
    }

    /// The fatal error of a producer that is unusable.
    pub(crate) fn fatal_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.both().find_map(|producer| producer.client().fatal_error())
    }

    /// Waits for messages in flight, at most so long.
    pub(crate) fn flush(&self, most: Duration) -> Result<(), KafkaError> {
        let end = Instant::now() + most;
        let flushed =
            self.both().map(|producer| producer.flush(end.saturating_duration_since(Instant::now())));
        // Flush both before either error is returned.
        flushed.collect::<Vec<_>>().into_iter().collect()
    }

    fn both(&self) -> impl Iterator<Item = &Producer> {
        [&self.low_latency, &self.batching].into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_batch_of_many_lingers() {
        let (producers, _) = Producers::new(&BTreeMap::new(), "test").unwrap();
        let lingers = |rows| std::ptr::eq(producers.of(rows), &raw const producers.batching);
        assert_eq!(
            [1, MIN_BATCHING_ROWS - 1, MIN_BATCHING_ROWS, 1_000].map(lingers),
            [false, false, true, true]
        );
    }
}
