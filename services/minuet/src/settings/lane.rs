use std::time::Duration;

use serde::Deserialize;

/// A service's section: its own settings, and those of the lane that its events go through.
#[derive(Clone, Debug)]
pub(crate) struct Service<T> {
    pub(crate) own: T,
    pub(crate) lane: Lane,
}

/// What each service's section may hold beside its own keys. Absent: the default of [`minuet_messaging::Settings`].
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lane {
    /// postgres://user:password@host:port/database
    pub(crate) database_url: String,
    database_connections: Option<u32>,
    batch_size: Option<usize>,
    relay_poll_ms: Option<u64>,
    attempts: Option<u32>,
    inbox_retention_days: Option<u32>,
    redrive_days: Option<u32>,
    unlimited_topic_days: Option<u32>,
    sample_interval_ms: Option<u64>,
}

/// The fields above.
pub(super) const LANE_KEYS: &[&str] = &[
    "database_url",
    "database_connections",
    "batch_size",
    "relay_poll_ms",
    "attempts",
    "sample_interval_ms",
    "inbox_retention_days",
    "redrive_days",
    "unlimited_topic_days",
];

impl Lane {
    pub(crate) fn apply_to(&self, settings: &mut minuet_messaging::Settings) {
        let Lane {
            database_url: _,
            database_connections,
            batch_size,
            relay_poll_ms,
            attempts,
            inbox_retention_days,
            redrive_days,
            unlimited_topic_days,
            sample_interval_ms,
        } = self;
        settings.database_connections = database_connections.unwrap_or(settings.database_connections);
        settings.batch_size = batch_size.unwrap_or(settings.batch_size);
        settings.relay_poll = relay_poll_ms.map_or(settings.relay_poll, Duration::from_millis);
        settings.attempts = attempts.unwrap_or(settings.attempts);
        settings.inbox_retention = inbox_retention_days.map_or(settings.inbox_retention, days);
        settings.redrive_age = redrive_days.map_or(settings.redrive_age, days);
        settings.unlimited_topics = unlimited_topic_days.map(days);
        settings.sample_interval = sample_interval_ms.map_or(settings.sample_interval, Duration::from_millis);
    }

    /// Numbers of which 0 would stop everything.
    pub(super) fn zero(&self) -> Option<&'static str> {
        let zeros = [
            ("database_connections", self.database_connections == Some(0)),
            ("batch_size", self.batch_size == Some(0)),
            ("relay_poll_ms", self.relay_poll_ms == Some(0)),
            ("attempts", self.attempts == Some(0)),
            ("inbox_retention_days", self.inbox_retention_days == Some(0)),
            ("sample_interval_ms", self.sample_interval_ms == Some(0)),
        ];
        zeros.into_iter().find_map(|(key, is_zero)| is_zero.then_some(key))
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3600)
}

/// The URL holds a password.
impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("batch_size", &self.batch_size).finish_non_exhaustive()
    }
}
