//! Finds the batches that cannot be unpacked, and skips a batch if a person gave it up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use minuet_telemetry::error_chain;
use minuet_telemetry::meters::attribute;
use minuet_telemetry::names::meter::attribute as key;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use sqlx::PgConnection;
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::{Fault, Instruments, TopicWatch};
use crate::Position;
use crate::kafka::BROKER_TIMEOUT;
use crate::kafka::consumer::{self, Polled, Rewind};
use crate::kafka::probe::{Probe, Probed};
use crate::runtime::sweeper::Processed;
use crate::store::skips::{self, Skip};

type Offsets = BTreeMap<(Arc<str>, i32), i64>;

/// The first unprocessed offset of each input with unread messages, at the last look. An input that stands there at two
/// looks is probed.
#[derive(Default)]
pub(super) struct Standing(Offsets);

impl Standing {
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// The positions that did not move since the last look.
    fn still(&mut self, now: Offsets) -> Vec<Position> {
        let still = now.iter().filter(|(input, offset)| self.0.get(*input) == Some(*offset));
        let still = still.map(|((topic, partition), offset)| Position {
            topic: Arc::clone(topic),
            partition: *partition,
            offset: *offset,
        });
        let still = still.collect();
        self.0 = now;
        still
    }
}

impl TopicWatch {
    /// The batches that keep an input from moving on. Skips a batch if a person decided so.
    pub(super) async fn unreadable(
        &self,
        standing: &mut Standing,
        instruments: &Instruments,
    ) -> Result<Vec<Fault>, KafkaError> {
        let (consumer, processed) = (Arc::clone(&self.consumer), Arc::clone(&self.processed));
        let shards = self.core.shards.count();
        let unread = blocking(move || unread(&consumer, &processed, shards)).await?;
        let still = standing.still(unread);
        let reader = self.reader.clone();
        let found = blocking(move || probed(&reader, still)).await?;
        let mut faults = Vec::with_capacity(found.len());
        for (at, code) in found {
            if !self.skip(&at, instruments).await {
                faults.push(Fault::Unreadable { at, code });
            }
        }
        Ok(faults)
    }

    /// Skips the batch if a person has asked for it. Its partition has no message in flight: everything before the batch
    /// is processed.
    async fn skip(&self, at: &Position, instruments: &Instruments) -> bool {
        let open = async |connection: &mut PgConnection| skips::open(connection, at).await;
        let skip = match self.core.connections.run(open).await {
            Ok(Some(skip)) => skip,
            Ok(None) => return false,
            Err(error) => {
                warn!(error = error_chain(&error), position = %at, "skips could not be read; it is retried");
                return false;
            }
        };
        let Some(until) = self.end_of(at, &skip).await else {
            warn!(position = %at, "end of the batch could not be found; it is retried");
            return false;
        };
        if !self.seek(at, until).await {
            return false;
        }
        let record = async |connection: &mut PgConnection| skips::skipped(connection, &skip, until).await;
        if let Err(error) = self.core.connections.run(record).await {
            // The next batch of the partition moves both positions.
            warn!(error = error_chain(&error), position = %at, "skip could not be recorded");
            return true;
        }
        let next = HashMap::from([((Arc::clone(&at.topic), at.partition), until)]);
        self.processed.advance(&next);
        consumer::store_offsets(&self.consumer, &next);
        instruments.skipped.add(1, &[attribute(key::TOPIC, Arc::clone(&at.topic))]);
        error!(position = %at, until, by = skip.by, "batch was skipped; its records have no effect");
        true
    }

    async fn end_of(&self, at: &Position, skip: &Skip) -> Option<i64> {
        if let Some(until) = skip.until {
            return Some(until);
        }
        let (reader, at) = (self.reader.clone(), at.clone());
        let found = blocking(move || {
            let probe = Probe::new(&reader)?;
            let found = probe.first_readable_after(&at.topic, at.partition, at.offset);
            probe.close();
            found
        });
        found.await.ok().flatten()
    }

    async fn seek(&self, at: &Position, until: i64) -> bool {
        let mut to = TopicPartitionList::new();
        if to.add_partition_offset(&at.topic, at.partition, Offset::Offset(until)).is_err() {
            return false;
        }
        let (done, sought) = oneshot::channel();
        self.rewinds.send(Rewind { to, done }).is_ok() && sought.await.unwrap_or(false)
    }
}

/// The first unprocessed offset of each assigned input that has messages after it.
fn unread(consumer: &Polled, processed: &Processed, shards: u32) -> Result<Offsets, KafkaError> {
    let mut assigned = consumer.context().assignment.partitions();
    assigned.retain(|(_, partition)| partition.unsigned_abs() < shards);
    let mut inputs = TopicPartitionList::with_capacity(assigned.len());
    for (topic, partition) in &assigned {
        inputs.add_partition(topic, *partition);
    }
    let committed = consumer.committed_offsets(inputs, BROKER_TIMEOUT)?;
    let mut unread = Offsets::new();
    for (topic, partition) in assigned {
        // The topic was deleted.
        let Ok((low, end)) = consumer.fetch_watermarks(&topic, partition, BROKER_TIMEOUT) else { continue };
        let topic: Arc<str> = topic.into();
        let mut next = low.max(processed.next(&topic, partition).unwrap_or(low));
        let committed = committed.find_partition(&topic, partition).map(|element| element.offset());
        if let Some(Offset::Offset(offset)) = committed {
            next = next.max(offset);
        }
        if next < end {
            unread.insert((topic, partition), next);
        }
    }
    Ok(unread)
}

/// The positions at which a batch cannot be unpacked.
fn probed(
    reader: &rdkafka::ClientConfig,
    positions: Vec<Position>,
) -> Result<Vec<(Position, rdkafka::types::RDKafkaErrorCode)>, KafkaError> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let probe = Probe::new(reader)?;
    let mut found = Vec::new();
    for at in positions {
        if let Probed::Unreadable(code) = probe.at(&at.topic, at.partition, at.offset)? {
            found.push((at, code));
        }
    }
    probe.close();
    Ok(found)
}

async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    tokio::task::spawn_blocking(ask).await.map_err(|_| KafkaError::Canceled)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_input_that_stands_at_two_looks_is_probed() {
        let at = |offsets: [i64; 2]| -> Offsets {
            (0..)
                .zip(offsets)
                .map(|(partition, offset)| (("orders.intake".into(), partition), offset))
                .collect()
        };
        let mut standing = Standing::default();
        assert_eq!(standing.still(at([5, 7])), []);
        let still = standing.still(at([6, 7]));
        assert_eq!(still, [Position { topic: "orders.intake".into(), partition: 1, offset: 7 }]);
        standing.forget();
        assert_eq!(standing.still(at([6, 7])), []);
    }
}
