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
];

impl Lane {
    pub(crate) fn apply_to(&self, settings: &mut minuet_messaging::Settings) {
        let Lane {
            database_url: _,
            database_connections,
            batch_size,
            relay_poll_ms,
            attempts,
            sample_interval_ms,
        } = self;
        settings.database_connections = database_connections.unwrap_or(settings.database_connections);
        settings.batch_size = batch_size.unwrap_or(settings.batch_size);
        settings.relay_poll = relay_poll_ms.map_or(settings.relay_poll, Duration::from_millis);
        settings.attempts = attempts.unwrap_or(settings.attempts);
        settings.sample_interval = sample_interval_ms.map_or(settings.sample_interval, Duration::from_millis);
    }

    /// Numbers of which 0 would stop everything.
    pub(super) fn zero(&self) -> Option<&'static str> {
        let zeros = [
            ("database_connections", self.database_connections == Some(0)),
            ("batch_size", self.batch_size == Some(0)),
            ("relay_poll_ms", self.relay_poll_ms == Some(0)),
            ("attempts", self.attempts == Some(0)),
            ("sample_interval_ms", self.sample_interval_ms == Some(0)),
        ];
        zeros.into_iter().find_map(|(key, is_zero)| is_zero.then_some(key))
    }
}

/// The URL holds a password.
impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("batch_size", &self.batch_size).finish_non_exhaustive()
    }
}
