//! Health and counts of a service: the state of its dependencies, since when, and its counters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use minuet_envelope::Micros;
use minuet_http::DependencyStatus;
use parking_lot::Mutex;
use serde::Serialize;
use time::OffsetDateTime;

/// A system that a service depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependency {
    /// The Kafka cluster.
    Kafka,
    /// The service's database.
    Postgres,
    /// The schema registry.
    Registry,
    /// The positions that the database remembers, compared with the topics. Reported only after they differed.
    Positions,
    /// The topics that the service reads and writes: they exist, have the declared number of partitions and can be read.
    Topics,
}

/// Work that does not get done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stall {
    /// Where: `input`, `outbox`, or a word of the service's own.
    pub what: &'static str,
    /// The topic's full name, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The partition of the topic, or the shard of the outbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Since when nothing has moved: RFC 3339.
    pub since: String,
    /// What stands, for people. Holds no secret.
    pub detail: String,
    /// For the meter.
    #[serde(skip)]
    pub(crate) age: Duration,
}

impl Stall {
    /// Work that has stood still for so long.
    pub fn new(what: &'static str, age: Duration, detail: impl Into<String>) -> Self {
        let since = Micros::from_datetime(OffsetDateTime::now_utc() - age).to_string();
        Stall { what, topic: None, partition: None, since, detail: detail.into(), age }
    }

    /// The topic and the partition or shard that it is about.
    #[must_use]
    pub fn at(self, topic: impl Into<String>, partition: i32) -> Self {
        Stall { topic: Some(topic.into()), partition: Some(partition), ..self }
    }
}

/// The state of a service's dependencies, and the work that stands still. The service is ready if every expected
/// dependency has answered last and no work stands still. Clones share their state.
#[derive(Clone)]
pub struct Health(Arc<Known>);

struct Known {
    /// The process itself, since its start.
    process: DependencyStatus,
    reports: Mutex<BTreeMap<Dependency, DependencyStatus>>,
    /// By source.
    stalls: Mutex<BTreeMap<&'static str, Vec<Stall>>>,
}

impl Default for Health {
    fn default() -> Self {
        Health(Arc::new(Known {
            process: DependencyStatus::up(),
            reports: Mutex::default(),
            stalls: Mutex::default(),
        }))
    }
}

impl Health {
    /// The start of the process, in RFC 3339.
    pub fn since(&self) -> &str {
        &self.0.process.since
    }

    /// Expects these dependencies: each counts as down until it answers.
    pub fn expect(&self, dependencies: &[Dependency]) {
        for dependency in dependencies {
            self.down(*dependency, "not reached yet");
        }
    }

    /// Records that the dependency answers.
    pub fn up(&self, dependency: Dependency) {
        self.set(dependency, DependencyStatus::up());
    }

    /// Records that the dependency answers again; one that was never reported stays unreported.
    pub(crate) fn up_again(&self, dependency: Dependency) {
        if !self.is_up(dependency) {
            self.up(dependency);
        }
    }

    /// Records that the dependency does not answer. `detail` is shown to people and must hold no secret.
    pub fn down(&self, dependency: Dependency, detail: &str) {
        self.set(dependency, DependencyStatus::down(detail));
    }

    fn set(&self, dependency: Dependency, status: DependencyStatus) {
        let mut reports = self.0.reports.lock();
        let status = status.after(reports.get(&dependency));
        reports.insert(dependency, status);
    }

    /// The state of each reported dependency.
    pub fn report(&self) -> BTreeMap<Dependency, DependencyStatus> {
        self.0.reports.lock().clone()
    }

    /// Whether the dependency answers. One that was never reported is not expected and counts as up.
    pub(crate) fn is_up(&self, dependency: Dependency) -> bool {
        self.0.reports.lock().get(&dependency).is_none_or(|report| report.ok)
    }

    /// Replaces the stalls of this source: what looks, such as a task of the service.
    pub fn stalled(&self, source: &'static str, stalls: Vec<Stall>) {
        self.0.stalls.lock().insert(source, stalls);
    }

    /// The work that stands still, of every source. Empty while a dependency does not answer: nothing moves then, and the
    /// report says why.
    pub fn stalls(&self) -> Vec<Stall> {
        match self.answered() {
            true => self.0.stalls.lock().values().flatten().cloned().collect(),
            false => Vec::new(),
        }
    }

    /// Whether all reported dependencies answer and no work stands still.
    pub fn ready(&self) -> bool {
        self.answered() && self.stalls().is_empty()
    }

    fn answered(&self) -> bool {
        self.0.reports.lock().values().all(|report| report.ok)
    }
}

/// Counters since the start of the process.
#[derive(Debug, Default, Serialize)]
pub struct Counts {
    /// Events whose effect was committed.
    pub processed: AtomicU64,
    /// Events whose inbox row existed already.
    pub duplicates: AtomicU64,
    /// Legal events without an effect in the current state.
    pub no_ops: AtomicU64,
    /// Events that were parked.
    pub parked: AtomicU64,
    /// Outbox rows that were published and deleted.
    pub published: AtomicU64,
    /// Repeated attempts, of batches, redrives and registry queries.
    pub retries: AtomicU64,
}

impl Counts {
    /// Adds `n` to a counter.
    pub fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }
}
