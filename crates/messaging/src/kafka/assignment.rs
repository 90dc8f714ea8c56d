use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

/// The partitions that the group assigns to this instance, and the shards that follow from them.
///
/// A shard belongs to the instance that reads its partition of the first topic, in the order of names, of which the
/// instance reads anything. Under range assignment an instance reads the same partitions of every topic, so each topic
/// gives the same shards; a topic that was deleted takes none away.
#[derive(Default)]
pub(crate) struct Assignment(Mutex<BTreeMap<String, BTreeSet<u32>>>);

/// The shards that a rebalance brought and took. A shard in both is to be taken again: it has a topic more, whose positions
/// are not known to fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) gained: Vec<u32>,
    pub(crate) lost: Vec<u32>,
}

impl Assignment {
    pub(crate) fn add<'a>(&self, partitions: impl IntoIterator<Item = (&'a str, i32)>) -> Moved {
        let mut more = BTreeSet::new();
        let mut moved = self.change(|topics| {
            for (topic, partition) in partitions {
                more.insert(partition.unsigned_abs());
                topics.entry(topic.to_owned()).or_default().insert(partition.unsigned_abs());
            }
        });
        let held = shards(&self.0.lock());
        more.retain(|shard| held.contains(shard) && !moved.gained.contains(shard));
        moved.lost.extend(&more);
        moved.gained.extend(more);
        moved
    }

    pub(crate) fn remove<'a>(&self, partitions: impl IntoIterator<Item = (&'a str, i32)>) -> Moved {
        self.change(|topics| {
            for (topic, partition) in partitions {
                if let Some(assigned) = topics.get_mut(topic) {
                    assigned.remove(&partition.unsigned_abs());
                }
            }
            topics.retain(|_, assigned| !assigned.is_empty());
        })
    }

    /// The assigned partitions of each topic.
    pub(crate) fn partitions(&self) -> Vec<(String, i32)> {
        let topics = self.0.lock();
        let of = |(topic, assigned): (&String, &BTreeSet<u32>)| {
            assigned.iter().map(|partition| (topic.clone(), partition.cast_signed())).collect::<Vec<_>>()
        };
        topics.iter().flat_map(of).collect()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, BTreeSet<u32>>)) -> Moved {
        let mut topics = self.0.lock();
        let before = shards(&topics);
        change(&mut topics);
        let after = shards(&topics);
        Moved {
            gained: after.difference(&before).copied().collect(),
            lost: before.difference(&after).copied().collect(),
        }
    }
}

fn shards(topics: &BTreeMap<String, BTreeSet<u32>>) -> BTreeSet<u32> {
    topics.values().next().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(topic: &str, partitions: impl IntoIterator<Item = i32>) -> Vec<(&str, i32)> {
        partitions.into_iter().map(|partition| (topic, partition)).collect()
    }

    #[test]
    fn shards_come_and_go_with_the_partitions_of_every_topic() {
        let assignment = Assignment::default();
        let both = || of("a", [0, 1]).into_iter().chain(of("b", [0, 1]));
        assert_eq!(assignment.add(both()), Moved { gained: vec![0, 1], lost: vec![] });
        let zero = of("a", [0]).into_iter().chain(of("b", [0]));
        assert_eq!(assignment.remove(zero), Moved { gained: vec![], lost: vec![0] });
        assert_eq!(assignment.remove(both()), Moved { gained: vec![], lost: vec![1] });
    }

    #[test]
    fn a_deleted_topic_moves_no_shard_and_one_that_comes_back_has_them_taken_again() {
        let assignment = Assignment::default();
        assignment.add(of("a", [0, 1]).into_iter().chain(of("b", [0, 1])));
        assert_eq!(assignment.remove(of("a", [0, 1])), Moved::default());
        assert_eq!(assignment.partitions(), [("b".to_owned(), 0), ("b".to_owned(), 1)]);
        let again = Moved { gained: vec![0, 1], lost: vec![0, 1] };
        assert_eq!(assignment.add(of("a", [0, 1])), again);
        assert_eq!(assignment.add(of("c", [1])), Moved { gained: vec![1], lost: vec![1] });
    }
}
