//! A small contract for this crate's own tests: numbers on three topics.

use std::fmt;

use minuet_envelope::EventKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TestKind {
    Asked,
    Answered,
    Listed,
    Parked,
}

impl EventKind for TestKind {
    const ALL: &'static [Self] = &[TestKind::Asked, TestKind::Answered, TestKind::Listed, TestKind::Parked];
    const PARKED: Option<Self> = Some(TestKind::Parked);

    fn name(self) -> &'static str {
        match self {
            TestKind::Asked => "Asked",
            TestKind::Answered => "Answered",
            TestKind::Listed => "Listed",
            TestKind::Parked => "Parked",
        }
    }

    fn record_name(self) -> &'static str {
        self.name()
    }

    fn ce_type(self) -> &'static str {
        self.name()
    }
}

impl fmt::Display for TestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(crate) const TOPICS: &str = "
topics:
  - name: numbers.intake
    partitions: 8
    replication: 1
    retention: 7d
    cleanup: delete
    key: number
    records: [Asked]
    producers: [any]
    consumers: [numbers]

  - name: numbers.events
    partitions: 8
    replication: 1
    retention: 7d
    cleanup: delete
    key: number
    records: [Answered]
    producers: [numbers]
    consumers: []

  - name: numbers.list
    partitions: 8
    replication: 1
    cleanup: compact
    key: number
    records: [Listed]
    producers: [any]
    consumers: [numbers]

  - name: numbers.dead-letters
    partitions: 1
    replication: 1
    retention: 30d
    cleanup: delete
    key: none
    records: [Parked]
    producers: [numbers]
    consumers: []
";
