use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minuet_envelope::EventKind;

use super::promises::{self, Unkept};
use super::{Catalogue, Topic, TopicName, TopicsError};

/// One difference between a topic of a cluster and `topics.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The topic's full name, prefix included.
    pub topic: String,
    /// The difference.
    pub change: Change,
}

/// The kinds of difference. `declared` is the value in `topics.yaml`, `actual` the value on the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The topic is missing; `apply` creates it.
    Create {
        /// The declared number of partitions.
        partitions: u32,
        /// The declared number of replicas.
        replication: u32,
    },
    /// A setting differs; `apply` sets it.
    Configure {
        /// The setting.
        name: &'static str,
        /// The value in `topics.yaml`.
        declared: String,
        /// The value on the cluster.
        actual: Option<String>,
        /// Whether that value comes from the brokers' settings, not from the topic's own or from Kafka's defaults.
        of_brokers: bool,
    },
    /// A topic without keys has too few partitions; `apply` adds them.
    Grow {
        /// The value in `topics.yaml`.
        declared: u32,
        /// The value on the cluster.
        actual: u32,
    },
    /// The number of partitions differs and cannot be changed; `apply` fails before it changes anything.
    Partitions {
        /// The value in `topics.yaml`.
        declared: u32,
        /// The value on the cluster.
        actual: u32,
        /// Whether the topic has a key.
        keyed: bool,
    },
    /// The number of replicas differs; `apply` leaves it: moving replicas is a job of its own
    /// (`kafka-reassign-partitions`).
    Replication {
        /// The value in `topics.yaml`.
        declared: u32,
        /// The value on the cluster.
        actual: u32,
    },
    /// A setting is set on the topic and not declared; `apply` leaves it.
    Undeclared {
        /// The setting.
        name: String,
        /// The setting's value on the cluster.
        value: String,
    },
    /// An undeclared setting whose effective value breaks a promise, wherever it comes from; `apply` leaves it.
    Unkept {
        /// The setting.
        name: &'static str,
        /// The effective value.
        value: String,
        /// What the value does, and which one does not.
        why: &'static str,
        /// Whether the value comes from the brokers' settings.
        of_brokers: bool,
    },
    /// Another team's topic does not exist; `apply` fails.
    Missing,
}

impl Difference {
    /// Whether [`Catalogue::apply`] resolves the difference.
    pub fn is_applied(&self) -> bool {
        match self.change {
            Change::Create { .. } | Change::Configure { .. } | Change::Grow { .. } => true,
            Change::Partitions { .. }
            | Change::Replication { .. }
            | Change::Undeclared { .. }
            | Change::Unkept { .. }
            | Change::Missing => false,
        }
    }

    /// Whether the difference is only reported.
    pub fn is_left(&self) -> bool {
        match self.change {
            Change::Replication { .. } | Change::Undeclared { .. } | Change::Unkept { .. } => true,
            Change::Create { .. }
            | Change::Configure { .. }
            | Change::Grow { .. }
            | Change::Partitions { .. }
            | Change::Missing => false,
        }
    }

    pub(super) fn refusal(&self) -> Option<TopicsError> {
        match self.change {
            Change::Partitions { declared, actual, keyed: true } => {
                Some(TopicsError::KeyedPartitions { topic: self.topic.clone(), declared, actual })
            }
            Change::Partitions { declared, actual, keyed: false } => {
                Some(TopicsError::TooManyPartitions { topic: self.topic.clone(), declared, actual })
            }
            Change::Missing => Some(TopicsError::Missing { topic: self.topic.clone() }),
            Change::Create { .. }
            | Change::Configure { .. }
            | Change::Grow { .. }
            | Change::Replication { .. }
            | Change::Undeclared { .. }
            | Change::Unkept { .. } => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = &self.topic;
        match &self.change {
            Change::Create { partitions, replication } => {
                write!(f, "{topic}: new, with {partitions} partitions and replication {replication}")
            }
            Change::Configure { name, declared, actual: Some(actual), of_brokers } => {
                let of = if *of_brokers { " (of the brokers)" } else { "" };
                write!(f, "{topic}: {name} {actual}{of} -> {declared}")
            }
            Change::Configure { name, declared, actual: None, .. } => {
                write!(f, "{topic}: {name} unset -> {declared}")
            }
            Change::Grow { declared, actual } => write!(f, "{topic}: partitions {actual} -> {declared}"),
            Change::Partitions { declared, actual, .. } => {
                write!(
                    f,
                    "{topic}: {actual} partitions where {declared} are declared; this cannot be applied"
                )
            }
            Change::Replication { declared, actual } => {
                write!(f, "{topic}: replication {actual} where {declared} is declared; left as it is")
            }
            Change::Undeclared { name, value } => {
                write!(f, "{topic}: {name} is {value}, undeclared; left as it is")
            }
            Change::Unkept { name, value, why, of_brokers } => {
                let of = if *of_brokers { " (of the brokers)" } else { "" };
                write!(f, "{topic}: {name} is {value}{of}: {why}; left as it is")
            }
            Change::Missing => write!(f, "{topic}: external, and not there; its owner creates it"),
        }
    }
}

/// A topic on the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Actual {
    pub(super) partitions: u32,
    /// Replicas of the least replicated partition.
    pub(super) replication: u32,
    /// All effective settings, the broker's defaults included.
    pub(super) in_force: BTreeMap<String, String>,
    /// Settings of the topic itself.
    pub(super) own: BTreeMap<String, String>,
    /// The settings whose value comes from the brokers' own settings.
    pub(super) of_brokers: BTreeSet<String>,
}

impl<K: EventKind> Catalogue<K> {
    /// The differences of all declared topics. `actual` is keyed by full name.
    pub(super) fn differences(&self, prefix: &str, actual: &BTreeMap<String, Actual>) -> Vec<Difference> {
        let mut differences = vec![];
        for declared in self.topics() {
            let topic = TopicName::new(prefix, &declared.name).full().to_owned();
            let changes = match actual.get(&topic) {
                Some(actual) => compare(declared, actual),
                None if declared.external => vec![Change::Missing],
                None => {
                    vec![Change::Create {
                        partitions: declared.partitions,
                        replication: declared.replication,
                    }]
                }
            };
            differences.extend(changes.into_iter().map(|change| Difference { topic: topic.clone(), change }));
        }
        differences
    }
}

fn compare<K>(declared: &Topic<K>, actual: &Actual) -> Vec<Change> {
    let mut changes = vec![];
    if declared.external {
        let (keyed, declared, actual) = (declared.is_keyed(), declared.partitions, actual.partitions);
        changes.extend((declared != actual).then_some(Change::Partitions { declared, actual, keyed }));
        return changes;
    }
    if declared.partitions != actual.partitions {
        let (keyed, declared, actual) = (declared.is_keyed(), declared.partitions, actual.partitions);
        changes.push(if !keyed && declared > actual {
            Change::Grow { declared, actual }
        } else {
            Change::Partitions { declared, actual, keyed }
        });
    }
    if declared.replication != actual.replication {
        changes.push(Change::Replication { declared: declared.replication, actual: actual.replication });
    }
    let configs = declared.configs();
    for (&name, declared) in &configs {
        let value = actual.in_force.get(name);
        if value != Some(declared) {
            let of_brokers = actual.of_brokers.contains(name);
            let (declared, actual) = (declared.clone(), value.cloned());
            changes.push(Change::Configure { name, declared, actual, of_brokers });
        }
    }
    let names: Vec<&str> = configs.keys().copied().collect();
    let unkept = promises::unkept(actual.replication, &names, &actual.in_force);
    let is_unkept = |name: &str| unkept.iter().any(|unkept| unkept.name == name);
    let undeclared = actual.own.iter().filter(|(name, _)| !configs.contains_key(name.as_str()));
    for (name, value) in undeclared.filter(|(name, _)| !is_unkept(name)) {
        changes.push(Change::Undeclared { name: name.clone(), value: value.clone() });
    }
    changes.extend(unkept.into_iter().map(|Unkept { name, actual: value, why }| {
        let of_brokers = actual.of_brokers.contains(name);
        Change::Unkept { name, value, why, of_brokers }
    }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_contract::{TOPICS, TestKind};

    const PREFIX: &str = "shop.";

    /// A cluster on which everything is as declared.
    fn as_declared(catalogue: &Catalogue<TestKind>) -> BTreeMap<String, Actual> {
        let actual = |topic: &Topic<TestKind>| {
            let own: BTreeMap<_, _> = topic.configs().into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
            Actual {
                partitions: topic.partitions,
                replication: topic.replication,
                in_force: own.clone(),
                own,
                of_brokers: BTreeSet::new(),
            }
        };
        catalogue.topics().iter().map(|topic| (format!("{PREFIX}{}", topic.name), actual(topic))).collect()
    }

    fn after(change: impl FnOnce(&mut BTreeMap<String, Actual>)) -> Vec<Difference> {
        let catalogue = Catalogue::parse(TOPICS).expect("the test's topics");
        let mut actual = as_declared(&catalogue);
        change(&mut actual);
        catalogue.differences(PREFIX, &actual)
    }

    #[test]
    fn nothing_differs_where_all_is_as_declared() {
        assert_eq!(after(|_| {}), []);
    }

    #[test]
    fn foreign_topics_are_not_ours_to_judge() {
        assert_eq!(after(|cluster| drop(cluster.insert("numbers.events".into(), Actual::default()))), []);
    }

    #[test]
    fn a_missing_topic_is_to_be_created() {
        let plan = after(|cluster| drop(cluster.remove("shop.numbers.events")));
        let change = Change::Create { partitions: 8, replication: 1 };
        assert_eq!(plan, [Difference { topic: "shop.numbers.events".into(), change }]);
        assert!(plan[0].is_applied());
    }

    #[test]
    fn another_number_of_partitions_is_refused_where_records_are_keyed() {
        let plan = after(|cluster| cluster.entry("shop.numbers.events".into()).or_default().partitions = 4);
        assert_eq!(plan[0].change, Change::Partitions { declared: 8, actual: 4, keyed: true });
        assert!(matches!(
            plan[0].refusal(),
            Some(TopicsError::KeyedPartitions { declared: 8, actual: 4, .. })
        ));
    }

    #[test]
    fn an_external_topic_is_neither_created_nor_changed() {
        let topics = TOPICS.replacen("records: [Answered]", "records: [Answered]\n    external: true", 1);
        let catalogue: Catalogue<TestKind> = Catalogue::parse(&topics).expect("an external topic");
        let mut actual = as_declared(&catalogue);
        let topic = actual.entry("shop.numbers.events".into()).or_default();
        topic.replication = 3;
        topic.in_force.insert("retention.ms".into(), "1000".into());
        assert_eq!(catalogue.differences(PREFIX, &actual), []);
        actual.entry("shop.numbers.events".into()).or_default().partitions = 4;
        let plan = catalogue.differences(PREFIX, &actual);
        assert_eq!(plan[0].change, Change::Partitions { declared: 8, actual: 4, keyed: true });
        actual.remove("shop.numbers.events");
        let plan = catalogue.differences(PREFIX, &actual);
        assert_eq!(plan[0].change, Change::Missing);
        assert!(matches!(plan[0].refusal(), Some(TopicsError::Missing { .. })));
    }

    #[test]
    fn settings_are_compared_one_by_one() {
        let plan = after(|cluster| {
            let topic = cluster.entry("shop.numbers.events".into()).or_default();
            topic.replication = 3;
            topic.in_force.insert("retention.ms".into(), "1000".into());
            topic.in_force.remove("cleanup.policy");
            topic.own.insert("segment.ms".into(), "2".into());
            for (name, value) in [("retention.bytes", "1000"), ("max.message.bytes", "1000")] {
                topic.in_force.insert(name.into(), value.into());
                topic.of_brokers.insert(name.into());
            }
        });
        let said: Vec<_> = plan.iter().map(Difference::to_string).collect();
        assert_eq!(
            said,
            [
                "shop.numbers.events: replication 3 where 1 is declared; left as it is",
                "shop.numbers.events: cleanup.policy unset -> delete",
                "shop.numbers.events: retention.bytes 1000 (of the brokers) -> -1",
                "shop.numbers.events: retention.ms 1000 -> 604800000",
                "shop.numbers.events: segment.ms is 2, undeclared; left as it is",
                "shop.numbers.events: max.message.bytes is 1000 (of the brokers): below 1048588 the broker refuses events that \
                 are taken at the edge, and their keys wait; left as it is",
            ]
        );
        assert_eq!(
            plan.iter().map(Difference::is_applied).collect::<Vec<_>>(),
            [false, true, true, true, false, false]
        );
    }
}
