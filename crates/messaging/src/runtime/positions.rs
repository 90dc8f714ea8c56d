//! Compares what a database knows of its inputs with the cluster, before a shard's first message is read.
//!
//! A batch's transaction records its positions; only then the group's offset is stored, and committed later. So in the
//! good case `committed <= consumed <= end`, and a topic has the id that is remembered. Anything else means that the
//! database, the topic or the cluster is another one than before, or an earlier state.
//!
//! A topic that begins after the position was read too late: its retention has deleted messages that this service has not
//! seen. They are lost for it; it says so, and reads on.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::kafka::BROKER_TIMEOUT;
use crate::kafka::consumer::Polled;
use crate::kafka::topic_ids::topic_ids;
use crate::runtime::gaps::{Gap, offset};
use crate::store::positions::{Accepted, NewPosition, Remembered};

/// The cluster's view of an input partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Nil: the broker tells none.
    pub(crate) topic_id: Uuid,
    /// `None`: the group has committed nothing, or its offsets were deleted with the topic.
    pub(crate) committed: Option<i64>,
    pub(crate) earliest: i64,
    pub(crate) end: i64,
}

/// Why a partition is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The group has committed messages that the database has never seen.
    DatabasePutBack { consumed: i64, committed: i64 },
    /// The database has consumed messages that the topic does not have.
    TopicPutBack { consumed: i64, end: i64 },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::DatabasePutBack { consumed, committed } => write!(
                f,
                "the database consumed up to {consumed}, the group committed {committed}: the database was put back to an earlier state"
            ),
            Refusal::TopicPutBack { consumed, end } => write!(
                f,
                "the database consumed up to {consumed}, the topic ends at {end}: the topic was put back to an earlier state"
            ),
        }
    }
}

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Read on from the committed offset. `next` is remembered.
    Continue {
        next: i64,
    },
    /// Read from `next`, wherever the group stands.
    From {
        next: i64,
        why: From,
    },
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// The topic was deleted and created again: old positions mean nothing.
    Recreated,
    /// A person accepted the position of the database, or that of the group.
    Accepted(Accepted),
}

/// `is_new`: the shard was never taken on this database before.
pub(crate) fn compare(remembered: Option<&Remembered>, is_new: bool, seen: &Seen) -> Position {
    let start = seen.committed.unwrap_or(seen.earliest);
    let Some(Remembered { topic_id, next, accepted, .. }) = remembered else {
        return match seen.committed {
            // Another database has consumed before this one.
            Some(committed) if is_new && committed > 0 => {
                Position::Refused(Refusal::DatabasePutBack { consumed: 0, committed })
            }
            // The first start of a release that remembers positions.
            _ => Position::Continue { next: start },
        };
    };
    let next = *next;
    if !topic_id.is_nil() && !seen.topic_id.is_nil() && *topic_id != seen.topic_id {
        return Position::From { next: seen.earliest, why: From::Recreated };
    }
    let refusal = match seen.committed {
        Some(committed) if committed > next => Refusal::DatabasePutBack { consumed: next, committed },
        _ if seen.end < next => Refusal::TopicPutBack { consumed: next, end: seen.end },
        _ => return Position::Continue { next },
    };
    match accepted {
        Some(Accepted::Database) => {
            let next = next.clamp(seen.earliest, seen.end);
            Position::From { next, why: From::Accepted(Accepted::Database) }
        }
        Some(Accepted::Group) => {
            Position::From { next: start.min(seen.end), why: From::Accepted(Accepted::Group) }
        }
        None => Position::Refused(refusal),
    }
}

/// The partition that a shard reads of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) seen: Seen,
    pub(crate) remembered: Option<Remembered>,
    pub(crate) position: Position,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition)?;
        if let Position::Refused(refusal) = &self.position { write!(f, ": {refusal}") } else { Ok(()) }
    }
}

impl Compared {
    /// The messages that were deleted before the service read them.
    pub(crate) fn skipped(&self) -> Option<Gap> {
        let from = match (&self.position, &self.remembered) {
            // What the old topic held is unknown.
            (Position::Refused(_) | Position::From { why: From::Recreated, .. }, _) => return None,
            // A person has decided about the messages before the group's offset.
            (Position::From { next, why: From::Accepted(Accepted::Group) }, _) => *next,
            (_, Some(remembered)) => remembered.next,
            // It reads this partition for the first time.
            (_, None) => self.seen.committed?,
        };
        let Compared { topic, partition, seen: Seen { earliest, .. }, .. } = self;
        let gap = Gap { topic: Arc::clone(topic), partition: *partition, from, end: *earliest };
        gap.deleted(*earliest)
    }

    /// Whether deletions of keys may have gone from a compacted topic before the service read them. `tombstones`: how
    /// long the topic keeps them at least. Half of it: the position may have been read some time before it was written,
    /// and clocks differ. A quiet topic looks the same as a long absence, and costs a look through it; so does the first
    /// start of a release that remembers positions.
    pub(crate) fn may_miss_tombstones(&self, tombstones: Duration) -> bool {
        match (&self.position, &self.remembered) {
            (Position::Refused(_) | Position::From { why: From::Recreated, .. }, _) => false,
            (_, None) => self.seen.committed.is_some(),
            (_, Some(remembered)) => {
                self.skipped().is_some()
                    || u64::try_from(remembered.age).is_ok_and(|age| age >= tombstones.as_secs() / 2)
            }
        }
    }

    /// The first offset that the service has not consumed, if it reads the partition.
    pub(crate) fn next(&self) -> Option<i64> {
        match &self.position {
            Position::Continue { next } | Position::From { next, .. } => Some(*next.max(&self.seen.earliest)),
            Position::Refused(_) => None,
        }
    }

    /// The row of a partition that is read, or that is refused.
    pub(crate) fn row(&self) -> NewPosition {
        let (topic, partition) = (self.topic.to_string(), self.partition);
        let row =
            |next, refused| NewPosition { topic, partition, topic_id: self.seen.topic_id, next, refused };
        let refused = match &self.position {
            Position::Refused(refusal) => Some(refusal.to_string()),
            Position::Continue { .. } | Position::From { .. } => None,
        };
        let consumed = self.remembered.as_ref().map_or(0, |remembered| remembered.next);
        row(self.next().unwrap_or(consumed), refused)
    }
}

/// The ids of the topics that exist. Blocks.
pub(crate) fn ids(consumer: &Polled, topics: &[Arc<str>]) -> Result<HashMap<String, Uuid>, KafkaError> {
    let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
    topic_ids(consumer.client(), &names, BROKER_TIMEOUT)
}

/// These shards of the topics, each partition with an offset.
pub(crate) fn partitions(
    topics: &[Arc<str>],
    shards: &[u32],
    offset: impl Fn(&Arc<str>, i32) -> Offset,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for shard in shards {
            let partition = shard.cast_signed();
            list.add_partition_offset(topic, partition, offset(topic, partition))?;
        }
    }
    Ok(list)
}

/// The cluster's view of these shards of the topics. A partition that does not exist is left out. Blocks.
pub(crate) fn look(
    consumer: &Polled,
    topics: &[Arc<str>],
    shards: &[u32],
) -> Result<HashMap<(Arc<str>, i32), Seen>, KafkaError> {
    let list = |offset| partitions(topics, shards, |_, _| offset);
    let ids = ids(consumer, topics)?;
    let committed = consumer.committed_offsets(list(Offset::Invalid)?, BROKER_TIMEOUT)?;
    let earliest = consumer.offsets_for_times(list(Offset::Beginning)?, BROKER_TIMEOUT)?;
    let ends = consumer.offsets_for_times(list(Offset::End)?, BROKER_TIMEOUT)?;
    let mut seen = HashMap::new();
    for topic in topics {
        for shard in shards {
            let partition = shard.cast_signed();
            let (Some(earliest), Some(end)) =
                (offset(&earliest, topic, partition), offset(&ends, topic, partition))
            else {
                continue;
            };
            let topic_id = ids.get(&**topic).copied().unwrap_or_default();
            let committed = offset(&committed, topic, partition);
            seen.insert((Arc::clone(topic), partition), Seen { topic_id, committed, earliest, end });
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(1);

    fn seen(committed: Option<i64>, earliest: i64, end: i64) -> Seen {
        Seen { topic_id: ID, committed, earliest, end }
    }

    fn remembered(next: i64) -> Remembered {
        Remembered {
            topic: "orders.events".into(),
            partition: 0,
            topic_id: ID,
            next,
            accepted: None,
            age: 60,
        }
    }

    #[test]
    fn a_database_ahead_of_the_group_is_the_good_case() {
        for committed in [None, Some(0), Some(7), Some(10)] {
            let compared = compare(Some(&remembered(10)), false, &seen(committed, 0, 12));
            assert_eq!(compared, Position::Continue { next: 10 });
        }
    }

    #[test]
    fn the_first_start_of_this_release_takes_what_it_finds() {
        assert_eq!(compare(None, false, &seen(Some(7), 3, 12)), Position::Continue { next: 7 });
        assert_eq!(compare(None, true, &seen(None, 3, 12)), Position::Continue { next: 3 });
        assert_eq!(compare(None, true, &seen(Some(0), 0, 12)), Position::Continue { next: 0 });
    }

    #[test]
    fn a_database_behind_the_group_is_refused_until_a_person_answers() {
        let put_back = Position::Refused(Refusal::DatabasePutBack { consumed: 10, committed: 11 });
        let seen = seen(Some(11), 2, 12);
        assert_eq!(compare(Some(&remembered(10)), false, &seen), put_back);
        let accepted = |accepted| Remembered { accepted: Some(accepted), ..remembered(10) };
        let from = |next, accepted| Position::From { next, why: From::Accepted(accepted) };
        let answers = [(Accepted::Database, 10), (Accepted::Group, 11)];
        for (answer, next) in answers {
            assert_eq!(compare(Some(&accepted(answer)), false, &seen), from(next, answer));
        }
    }

    #[test]
    fn an_empty_database_is_not_the_one_that_the_group_knows() {
        let put_back = Position::Refused(Refusal::DatabasePutBack { consumed: 0, committed: 7 });
        assert_eq!(compare(None, true, &seen(Some(7), 3, 12)), put_back);
    }

    #[test]
    fn messages_that_were_deleted_unread_are_told() {
        let skipped = |remembered: Option<Remembered>, seen: Seen| {
            let position = compare(remembered.as_ref(), false, &seen);
            let topic: Arc<str> = "orders.events".into();
            let compared = Compared { topic, partition: 0, seen, remembered, position };
            (compared.skipped().map(|gap| (gap.from, gap.end)), compared.row().next)
        };
        let at = |next| Some(remembered(next));
        assert_eq!(skipped(at(10), seen(Some(10), 10, 30)), (None, 10));
        assert_eq!(skipped(at(10), seen(Some(8), 25, 30)), (Some((10, 25)), 25), "from what was consumed");
        assert_eq!(skipped(at(10), seen(None, 25, 30)), (Some((10, 25)), 25), "the group's offsets expired");
        assert_eq!(
            skipped(None, seen(Some(8), 25, 30)),
            (Some((8, 25)), 25),
            "the first start of this release"
        );
        assert_eq!(skipped(None, seen(None, 25, 30)), (None, 25), "it was never read");
        let recreated = Remembered { topic_id: Uuid::from_u128(2), ..remembered(10) };
        assert_eq!(skipped(Some(recreated), seen(None, 25, 30)), (None, 25));
        let put_back = |accepted| Some(Remembered { accepted, ..remembered(10) });
        let behind = seen(Some(20), 15, 30);
        assert_eq!(skipped(put_back(None), behind), (None, 10), "a person has not answered");
        assert_eq!(skipped(put_back(Some(Accepted::Database)), behind), (Some((10, 15)), 15));
        assert_eq!(skipped(put_back(Some(Accepted::Group)), behind), (None, 20));
    }

    #[test]
    fn tombstones_may_be_missed_after_half_of_their_time_or_a_deletion() {
        let tombstones = Duration::from_secs(1_000);
        let misses = |remembered: Option<Remembered>, seen: Seen| {
            let position = compare(remembered.as_ref(), false, &seen);
            let topic: Arc<str> = "catalog.products".into();
            Compared { topic, partition: 0, seen, remembered, position }.may_miss_tombstones(tombstones)
        };
        let aged = |age| Some(Remembered { age, ..remembered(10) });
        assert!(!misses(aged(499), seen(Some(10), 0, 30)));
        assert!(misses(aged(500), seen(Some(10), 0, 30)));
        assert!(misses(aged(0), seen(Some(10), 11, 30)), "deleted unread");
        assert!(!misses(aged(500), seen(Some(20), 0, 30)), "it is refused");
        assert!(!misses(None, seen(None, 11, 30)), "it is read for the first time");
        assert!(misses(None, seen(Some(10), 0, 30)), "since when is unknown");
    }

    #[test]
    fn a_topic_that_lost_its_end_is_refused() {
        let put_back = Position::Refused(Refusal::TopicPutBack { consumed: 10, end: 9 });
        assert_eq!(compare(Some(&remembered(10)), false, &seen(Some(8), 0, 9)), put_back);
    }

    #[test]
    fn a_topic_with_another_id_is_read_from_its_start() {
        let from_start = |next| Position::From { next, why: From::Recreated };
        let old = Remembered { topic_id: Uuid::from_u128(2), ..remembered(10) };
        assert_eq!(compare(Some(&old), false, &seen(None, 0, 3)), from_start(0));
        assert_eq!(compare(Some(&old), false, &seen(Some(11), 1, 30)), from_start(1));
        let unknown = Remembered { topic_id: Uuid::nil(), ..remembered(10) };
        assert_eq!(compare(Some(&unknown), false, &seen(Some(10), 0, 30)), Position::Continue { next: 10 });
    }
}
