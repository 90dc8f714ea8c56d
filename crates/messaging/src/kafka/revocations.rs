use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the revocations of each input partition. Messages that were fetched before a revocation are dropped; the new
/// owner reads them again from the committed offset.
pub(crate) struct RevocationEpochs(Vec<(Arc<str>, Vec<AtomicU64>)>);

impl RevocationEpochs {
    pub(crate) fn new(topics: impl IntoIterator<Item = Arc<str>>, partitions: u32) -> Self {
        let counters = || (0..partitions).map(|_| AtomicU64::new(0)).collect();
        RevocationEpochs(topics.into_iter().map(|topic| (topic, counters())).collect())
    }

    pub(crate) fn of(&self, topic: &str, partition: i32) -> u64 {
        self.counter(topic, partition).map_or(0, |counter| counter.load(Ordering::SeqCst))
    }

    pub(crate) fn end(&self, topic: &str, partition: i32) {
        if let Some(counter) = self.counter(topic, partition) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Linear search: a service has few input topics.
    fn counter(&self, topic: &str, partition: i32) -> Option<&AtomicU64> {
        let (_, counters) = self.0.iter().find(|(name, _)| **name == *topic)?;
        counters.get(usize::try_from(partition).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_partition_of_one_topic_ends_alone() {
        let revocations = RevocationEpochs::new(["a".into(), "b".into()], 2);
        revocations.end("a", 1);
        assert_eq!([revocations.of("a", 1), revocations.of("a", 0), revocations.of("b", 1)], [1, 0, 0]);
        assert_eq!(revocations.of("unknown", 7), 0);
    }
}
