//! The two producers of a relay. Of one key at most one row is under way, so that it does not matter which of them takes it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer as _, ThreadedProducer};

use super::wave::Deliveries;
use crate::client::Client;
use crate::kafka::{self, Linger};
use crate::meters::KafkaStatistics;

/// It hands each acknowledgement to the wave that the message belongs to.
pub(crate) type Producer = ThreadedProducer<Deliveries>;

/// From so many rows on a wave is worth a linger.
const MANY: usize = 8;

#[derive(Clone)]
pub(crate) struct Producers {
    at_once: Producer,
    gathering: Producer,
}

impl Producers {
    /// And what their clients say of themselves.
    pub(crate) fn new(
        kafka: &BTreeMap<String, String>,
        owner: &str,
    ) -> Result<(Self, [(&'static str, KafkaStatistics); 2]), KafkaError> {
        let (at_once, gathering) = (Client::new(owner), Client::new(owner));
        let statistics = [("producer", at_once.statistics()), ("gathering-producer", gathering.statistics())];
        let producer = |linger, client: Client| -> Result<Producer, KafkaError> {
            kafka::producer(kafka, owner, linger).create_with_context(Deliveries(client))
        };
        let producers = Producers {
            at_once: producer(Linger::No, at_once)?,
            gathering: producer(Linger::ForAWave, gathering)?,
        };
        Ok((producers, statistics))
    }

    /// The one for a wave of so many rows.
    pub(crate) fn of(&self, rows: usize) -> &Producer {
        if rows < MANY { &self.at_once } else { &self.gathering }
    }

    /// Why one of them is of no more use.
    pub(crate) fn fatal_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.both().find_map(|producer| producer.client().fatal_error())
    }

    /// Waits for what is under way, for at most so long each.
    pub(crate) fn flush(&self, most: Duration) -> Result<(), KafkaError> {
        self.both().try_for_each(|producer| producer.flush(most))
    }

    fn both(&self) -> impl Iterator<Item = &Producer> {
        [&self.at_once, &self.gathering].into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wave_of_many_lingers() {
        let (producers, _) = Producers::new(&BTreeMap::new(), "test").unwrap();
        let lingers = |rows| std::ptr::eq(producers.of(rows), &raw const producers.gathering);
        assert_eq!([1, MANY - 1, MANY, 1_000].map(lingers), [false, false, true, true]);
    }
}
