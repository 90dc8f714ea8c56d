//! What a service tells about itself: which dependency answers, since when, and what it has counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minuet_http::DependencyStatus;
use parking_lot::Mutex;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependency {
    Kafka,
    Postgres,
    Registry,
}

/// Readiness: every dependency must have answered. Unknown ones count as away.
#[derive(Clone)]
pub struct Health(Arc<Known>);

struct Known {
    /// The process itself: its start.
    process: DependencyStatus,
    reports: Mutex<BTreeMap<Dependency, DependencyStatus>>,
}

impl Default for Health {
    fn default() -> Self {
        Health(Arc::new(Known { process: DependencyStatus::up(), reports: Mutex::default() }))
    }
}

impl Health {
    /// RFC 3339: when the process came to live.
    pub fn since(&self) -> &str {
        &self.0.process.since
    }

    pub fn expect(&self, dependencies: &[Dependency]) {
        for dependency in dependencies {
            self.down(*dependency, "not reached yet");
        }
    }

    pub fn up(&self, dependency: Dependency) {
        self.set(dependency, DependencyStatus::up());
    }

    /// `detail` must hold no secret.
    pub fn down(&self, dependency: Dependency, detail: &str) {
        self.set(dependency, DependencyStatus::down(detail));
    }

    fn set(&self, dependency: Dependency, status: DependencyStatus) {
        let mut reports = self.0.reports.lock();
        let status = status.after(reports.get(&dependency));
        reports.insert(dependency, status);
    }

    pub fn report(&self) -> BTreeMap<Dependency, DependencyStatus> {
        self.0.reports.lock().clone()
    }

    /// Nobody expects what was never reported.
    pub(crate) fn is_up(&self, dependency: Dependency) -> bool {
        self.0.reports.lock().get(&dependency).is_none_or(|report| report.ok)
    }

    pub fn ready(&self) -> bool {
        self.report().values().all(|report| report.ok)
    }
}

/// Counted since the process started.
#[derive(Debug, Default, Serialize)]
pub struct Counts {
    /// Events whose effect was committed.
    pub processed: AtomicU64,
    /// Events that the inbox had seen before.
    pub duplicates: AtomicU64,
    /// Events that arrived in a state in which they change nothing, by the dance.
    pub no_ops: AtomicU64,
    pub parked: AtomicU64,
    pub published: AtomicU64,
    pub retries: AtomicU64,
}

impl Counts {
    pub fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }
}
