//! What a service tells about itself: which dependency answers, since when, and what it has counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use minuet_events::values::Micros;
use serde::Serialize;
use time::OffsetDateTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependency {
    Kafka,
    Postgres,
    Registry,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub ok: bool,
    /// RFC 3339: when it came to be as it is.
    pub since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Readiness: every dependency must have answered. Unknown ones count as away.
#[derive(Clone)]
pub struct Health(Arc<Known>);

struct Known {
    since: String,
    reports: Mutex<BTreeMap<Dependency, Report>>,
}

impl Default for Health {
    fn default() -> Self {
        Health(Arc::new(Known { since: now(), reports: Mutex::default() }))
    }
}

impl Health {
    /// RFC 3339: when the process came to live.
    pub fn since(&self) -> &str {
        &self.0.since
    }

    pub fn expect(&self, dependencies: &[Dependency]) {
        for dependency in dependencies {
            self.set(*dependency, false, Some("not reached yet".to_owned()));
        }
    }

    pub fn up(&self, dependency: Dependency) {
        self.set(dependency, true, None);
    }

    /// `detail` must hold no secret.
    pub fn down(&self, dependency: Dependency, detail: &str) {
        self.set(dependency, false, Some(detail.to_owned()));
    }

    fn set(&self, dependency: Dependency, ok: bool, detail: Option<String>) {
        let mut reports = self.0.reports.lock().unwrap_or_else(PoisonError::into_inner);
        match reports.get_mut(&dependency) {
            Some(report) if report.ok == ok => report.detail = detail,
            _ => {
                reports.insert(dependency, Report { ok, since: now(), detail });
            }
        }
    }

    pub fn report(&self) -> BTreeMap<Dependency, Report> {
        self.0.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nobody expects what was never reported.
    pub(crate) fn is_up(&self, dependency: Dependency) -> bool {
        self.0
            .reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&dependency)
            .is_none_or(|report| report.ok)
    }

    pub fn ready(&self) -> bool {
        self.report().values().all(|report| report.ok)
    }
}

fn now() -> String {
    Micros::from_datetime(OffsetDateTime::now_utc()).to_string()
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
