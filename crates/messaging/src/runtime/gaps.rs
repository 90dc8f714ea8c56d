//! Notices messages that were deleted after they were published and before this service read them: the client moves on
//! to the topic's beginning without a word.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use sqlx::PgConnection;
use tracing::error;
use uuid::Uuid;

use crate::kafka::BROKER_TIMEOUT;
use crate::kafka::consumer::Polled;
use crate::store::context::Core;
use crate::store::positions::{self, NewSkip, Next};

/// Offsets between two messages that were received one after the other. Compaction, and markers of transactions, leave
/// gaps too: the topic's beginning tells which gap was a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    /// The offset that was expected.
    pub(crate) from: i64,
    /// The offset that came.
    pub(crate) end: i64,
}

impl Gap {
    /// What was deleted of a gap, if the topic begins at this offset now.
    pub(crate) fn deleted(mut self, beginning: i64) -> Option<Gap> {
        self.end = self.end.min(beginning);
        (self.from < self.end).then_some(self)
    }
}

/// The offset after the last message of each partition.
#[derive(Default)]
pub(crate) struct Gaps(Mutex<Next>);

impl Gaps {
    /// Expects these offsets next, whatever came before.
    pub(crate) fn expect(&self, next: Next) {
        self.0.lock().extend(next);
    }

    /// These messages came, in this order. Returns the gaps before the first ones.
    pub(crate) fn received<'a>(&self, messages: impl Iterator<Item = (&'a Arc<str>, i32, i64)>) -> Vec<Gap> {
        let mut first_and_next: HashMap<(&Arc<str>, i32), (i64, i64)> = HashMap::new();
        for (topic, partition, offset) in messages {
            first_and_next.entry((topic, partition)).or_insert((offset, offset)).1 = offset + 1;
        }
        let (mut all, mut found) = (self.0.lock(), Vec::new());
        for ((topic, partition), (first, next)) in first_and_next {
            let key = (Arc::clone(topic), partition);
            if let Some(expected) = all.get(&key).copied()
                && expected < first
            {
                found.push(Gap { topic: Arc::clone(topic), partition, from: expected, end: first });
            }
            let expected = all.entry(key).or_insert(next);
            *expected = next.max(*expected);
        }
        found
    }
}

/// Looks into gaps: what lies before the topic's beginning was deleted, and is recorded. Called before the messages after
/// the gap are processed: after that, nothing would tell of it any more.
pub(crate) async fn look_into(core: &Core, consumer: &Arc<Polled>, gaps: Vec<Gap>) -> Result<(), GapError> {
    let consumer = Arc::clone(consumer);
    let deleted = tokio::task::spawn_blocking(move || deleted(&consumer, gaps)).await;
    let deleted = deleted.map_err(|_| GapError::Ended)??;
    record(core, &deleted, |topic| core.topic_ids.of(topic)).await?;
    Ok(())
}

/// Why gaps could not be looked into.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GapError {
    #[error("the beginnings of the topics cannot be read")]
    Kafka(#[from] KafkaError),
    #[error("deleted messages cannot be recorded")]
    Database(#[from] sqlx::Error),
    #[error("the request for the beginnings of the topics ended")]
    Ended,
}

/// What was deleted of these gaps. Blocks.
fn deleted(consumer: &Polled, gaps: Vec<Gap>) -> Result<Vec<Gap>, KafkaError> {
    let mut list = TopicPartitionList::new();
    for gap in &gaps {
        if list.find_partition(&gap.topic, gap.partition).is_none() {
            list.add_partition_offset(&gap.topic, gap.partition, Offset::Beginning)?;
        }
    }
    let beginnings = consumer.offsets_for_times(list, BROKER_TIMEOUT)?;
    let deleted = gaps.into_iter().filter_map(|gap| {
        let beginning = offset(&beginnings, &gap.topic, gap.partition)?;
        gap.deleted(beginning)
    });
    Ok(deleted.collect())
}

/// The offset of a partition in an answer of the broker.
pub(crate) fn offset(list: &TopicPartitionList, topic: &str, partition: i32) -> Option<i64> {
    let element = list.find_partition(topic, partition)?;
    match (element.error(), element.offset()) {
        (Ok(()), Offset::Offset(offset)) => Some(offset),
        _ => None,
    }
}

/// Records messages that were deleted before this service read them, and says so.
pub(crate) async fn record(
    core: &Core,
    gaps: &[Gap],
    topic_id: impl Fn(&Arc<str>) -> Uuid,
) -> Result<(), sqlx::Error> {
    if gaps.is_empty() {
        return Ok(());
    }
    let rows: Vec<NewSkip<'_>> = gaps
        .iter()
        .map(|Gap { topic, partition, from, end }| NewSkip {
            topic,
            partition: *partition,
            topic_id: topic_id(topic),
            from: *from,
            end: *end,
        })
        .collect();
    core.connections
        .run(async |connection: &mut PgConnection| positions::skip(connection, &rows).await)
        .await?;
    for Gap { topic, partition, from, end } in gaps {
        error!(
            topic = &**topic,
            partition, from, end, "messages were deleted before they were read; see minuet positions list"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(gaps: &Gaps, offsets: &[i64]) -> Vec<Gap> {
        let topic: Arc<str> = "orders.events".into();
        gaps.received(offsets.iter().map(|offset| (&topic, 3, *offset)))
    }

    fn gap(from: i64, end: i64) -> Gap {
        Gap { topic: "orders.events".into(), partition: 3, from, end }
    }

    #[test]
    fn a_gap_is_found_between_batches_and_after_a_takeover() {
        let gaps = Gaps::default();
        assert_eq!(receive(&gaps, &[7, 8]), [], "nothing is known of what came before the first message");
        assert_eq!(receive(&gaps, &[9]), []);
        assert_eq!(receive(&gaps, &[15, 16]), [gap(10, 15)]);
        gaps.expect([(("orders.events".into(), 3), 20)].into());
        assert_eq!(receive(&gaps, &[21]), [gap(20, 21)]);
    }

    #[test]
    fn messages_that_come_again_are_no_gap() {
        let gaps = Gaps::default();
        for offsets in [&[7, 8, 9][..], &[5], &[10]] {
            assert_eq!(receive(&gaps, offsets), []);
        }
    }

    #[test]
    fn only_what_lies_before_the_beginning_was_deleted() {
        assert_eq!(gap(10, 15).deleted(12), Some(gap(10, 12)));
        assert_eq!(gap(10, 15).deleted(40), Some(gap(10, 15)));
        assert_eq!(gap(10, 15).deleted(10), None, "it was compacted");
    }
}
