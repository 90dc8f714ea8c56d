use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::types::RDKafkaErrorCode;

use crate::Position;
use crate::topics::TopicName;

/// Faults in readiness; the log has all.
const MAX_DETAILS: usize = 5;

/// What is wrong with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The topic does not exist, or the user may not see it.
    Missing { topic: Arc<str> },
    /// The topic has another number of partitions than declared.
    Partitions {
        topic: Arc<str>,
        declared: u32,
        actual: u32,
        /// Records on the added partitions of an input.
        unread: i64,
    },
    /// A batch cannot be unpacked. `at`: the first offset that is not processed.
    Unreadable { at: Position, code: RDKafkaErrorCode },
}

/// The names of the faults in meters.
pub(super) const NAMES: [&str; 3] = ["missing", "partitions", "unreadable"];

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Fault::Missing { .. } => "missing",
            Fault::Partitions { .. } => "partitions",
            Fault::Unreadable { .. } => "unreadable",
        }
    }

    fn topic(&self) -> &Arc<str> {
        match self {
            Fault::Missing { topic } | Fault::Partitions { topic, .. } => topic,
            Fault::Unreadable { at, .. } => &at.topic,
        }
    }

    /// The number of partitions concerned.
    fn partitions(&self) -> u32 {
        match self {
            Fault::Missing { .. } | Fault::Unreadable { .. } => 1,
            Fault::Partitions { declared, actual, .. } => declared.abs_diff(*actual),
        }
    }

    /// Whether a person was told of this already. How many records are unread is told once.
    fn is_told_by(&self, other: &Fault) -> bool {
        match (self, other) {
            (
                Fault::Partitions { topic, declared, actual, unread },
                Fault::Partitions { topic: t, declared: d, actual: a, unread: u },
            ) => (topic, declared, actual, *unread > 0) == (t, d, a, *u > 0),
            (fault, other) => fault == other,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing { topic } => write!(f, "{topic} does not exist, or this user may not see it"),
            Fault::Partitions { topic, declared, actual, unread } if actual > declared => write!(
                f,
                "{topic} has {actual} partitions where {declared} are declared: records on {declared} and above are not read ({unread} so far)"
            ),
            Fault::Partitions { topic, declared, actual, .. } => {
                write!(f, "{topic} has {actual} partitions where {declared} are declared")
            }
            Fault::Unreadable { at, code } => {
                let Position { topic, partition, offset } = at;
                write!(f, "{topic}[{partition}] cannot be unpacked at offset {offset} ({code})")
            }
        }
    }
}

/// The faults of a service's topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// `actual`: the number of partitions of a topic (full name) on the cluster.
    pub(super) fn of(declared: &BTreeMap<TopicName, u32>, actual: impl Fn(&str) -> Option<usize>) -> Faults {
        let fault = |(name, declared): (&TopicName, &u32)| {
            let (topic, declared) = (name.to_full(), *declared);
            match actual(&topic).map(|actual| u32::try_from(actual).unwrap_or(u32::MAX)) {
                None => Some(Fault::Missing { topic }),
                Some(actual) if actual == declared => None,
                Some(actual) => Some(Fault::Partitions { topic, declared, actual, unread: 0 }),
            }
        };
        Faults(declared.iter().filter_map(fault).collect())
    }

    /// The partitions that were added to these topics.
    pub(super) fn added(&self, topics: &[Arc<str>]) -> Vec<(Arc<str>, i32)> {
        let of = |fault: &Fault| match fault {
            Fault::Partitions { topic, declared, actual, .. } if topics.contains(topic) => {
                (*declared..*actual).map(|partition| (Arc::clone(topic), partition.cast_signed())).collect()
            }
            Fault::Partitions { .. } | Fault::Missing { .. } | Fault::Unreadable { .. } => Vec::new(),
        };
        self.0.iter().flat_map(of).collect()
    }

    pub(super) fn count_unread(&mut self, of: &str, records: i64) {
        for fault in &mut self.0 {
            match fault {
                Fault::Partitions { topic, unread, .. } if **topic == *of => *unread += records,
                Fault::Partitions { .. } | Fault::Missing { .. } | Fault::Unreadable { .. } => {}
            }
        }
    }

    pub(super) fn extend(&mut self, faults: Vec<Fault>) {
        self.0.extend(faults);
    }

    pub(super) fn not_in<'a>(&'a self, other: &'a Faults) -> impl Iterator<Item = &'a Fault> {
        self.0.iter().filter(|fault| !other.0.iter().any(|other| fault.is_told_by(other)))
    }

    pub(super) fn has_unreadable(&self) -> bool {
        self.0.iter().any(|fault| matches!(fault, Fault::Unreadable { .. }))
    }

    pub(super) fn missing(&self) -> BTreeSet<Arc<str>> {
        let missing = |fault: &Fault| match fault {
            Fault::Missing { topic } => Some(Arc::clone(topic)),
            Fault::Partitions { .. } | Fault::Unreadable { .. } => None,
        };
        self.0.iter().filter_map(missing).collect()
    }

    /// The text for readiness. `None`: there is no fault.
    pub(super) fn detail(&self) -> Option<String> {
        let said: Vec<String> = self.0.iter().take(MAX_DETAILS).map(Fault::to_string).collect();
        let more = self.0.len().saturating_sub(MAX_DETAILS);
        match (said.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(said.join("; ")),
            (false, more) => Some(format!("{}; and {more} more", said.join("; "))),
        }
    }

    /// Partitions by topic and fault, for each of these topics.
    pub(super) fn counts<'a>(
        &self,
        topics: impl Iterator<Item = &'a TopicName>,
    ) -> BTreeMap<(Arc<str>, &'static str), u32> {
        let none = topics.flat_map(|topic| NAMES.map(|name| ((topic.to_full(), name), 0)));
        let mut counts: BTreeMap<_, u32> = none.collect();
        for fault in &self.0 {
            *counts.entry((Arc::clone(fault.topic()), fault.name())).or_default() += fault.partitions();
        }
        counts
    }
}

/// The topics that do not exist at the moment. Clones share their state.
#[derive(Clone, Default)]
pub(crate) struct MissingTopics(Arc<Mutex<BTreeSet<Arc<str>>>>);

impl MissingTopics {
    pub(super) fn set(&self, topics: BTreeSet<Arc<str>>) {
        *self.0.lock() = topics;
    }

    /// The topics among these that exist, as far as is known.
    pub(crate) fn without(&self, topics: &[Arc<str>]) -> Vec<Arc<str>> {
        let missing = self.0.lock();
        topics.iter().filter(|topic| !missing.contains(*topic)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(actual: &[(&str, usize)]) -> Faults {
        let declared = ["orders.events", "orders.intake"].map(|name| (TopicName::new("t.", name), 8));
        Faults::of(&declared.into(), |topic| {
            actual.iter().find(|(name, _)| format!("t.{name}") == topic).map(|(_, partitions)| *partitions)
        })
    }

    #[test]
    fn what_is_as_declared_is_no_fault() {
        let faults = found(&[("orders.events", 8), ("orders.intake", 8), ("others", 1)]);
        assert_eq!((faults.detail(), faults.counts(std::iter::empty()).len()), (None, 0));
        let topic = TopicName::new("t.", "orders.events");
        let zero = NAMES.map(|name| ((topic.to_full(), name), 0)).into();
        assert_eq!(faults.counts(std::iter::once(&topic)), zero, "a meter shows that nothing is wrong");
    }

    #[test]
    fn a_missing_topic_and_added_partitions_are_named_and_counted() {
        let faults = found(&[("orders.events", 12)]);
        assert_eq!(
            faults.detail().as_deref(),
            Some(
                "t.orders.events has 12 partitions where 8 are declared: records on 8 and above are not read (0 so far); \
                 t.orders.intake does not exist, or this user may not see it"
            )
        );
        let counts: Vec<_> =
            faults.counts(std::iter::empty()).into_iter().map(|((t, f), n)| (t.to_string(), f, n)).collect();
        let count = |topic: &str, fault, partitions| (topic.to_owned(), fault, partitions);
        assert_eq!(
            counts,
            [count("t.orders.events", "partitions", 4), count("t.orders.intake", "missing", 1)]
        );
        assert_eq!(faults.missing(), ["t.orders.intake".into()].into());
    }

    #[test]
    fn a_change_is_told_once() {
        let (before, after) = (found(&[("orders.events", 8)]), found(&[("orders.intake", 8)]));
        assert_eq!(after.not_in(&after).count(), 0);
        assert_eq!(
            after.not_in(&before).map(|fault| &**fault.topic()).collect::<Vec<_>>(),
            ["t.orders.events"]
        );
    }
}
