use std::time::Duration;

use minuet_messaging::{InRange, OutOfRange, out_of};
use serde::Deserialize;

/// A service's section: its own settings, and the ones of the messaging library.
#[derive(Clone, Debug)]
pub(crate) struct Service<T> {
    pub(crate) own: T,
    pub(crate) messaging: MessagingSection,
}

/// What each service's section may hold beside its own keys. Absent: the default of [`minuet_messaging::Settings`].
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessagingSection {
    /// postgres://user:password@host:port/database
    pub(crate) database_url: String,
    database_connections: Option<u32>,
    batch_size: Option<usize>,
    optimistic: Option<bool>,
    relay_poll_ms: Option<u64>,
    attempts: Option<u32>,
    inbox_retention_days: Option<u32>,
    redrive_days: Option<u32>,
    unlimited_topic_days: Option<u32>,
    sample_interval_ms: Option<u64>,
    stall_seconds: Option<u32>,
    max_clock_skew_ms: Option<u64>,
}

/// The fields above.
pub(super) const MESSAGING_KEYS: &[&str] = &[
    "database_url",
    "database_connections",
    "batch_size",
    "optimistic",
    "relay_poll_ms",
    "attempts",
    "sample_interval_ms",
    "stall_seconds",
    "max_clock_skew_ms",
    "inbox_retention_days",
    "redrive_days",
    "unlimited_topic_days",
];

impl MessagingSection {
    pub(crate) fn apply_to(&self, settings: &mut minuet_messaging::Settings) {
        let MessagingSection {
            database_url: _,
            database_connections,
            batch_size,
            optimistic,
            relay_poll_ms,
            attempts,
            inbox_retention_days,
            redrive_days,
            unlimited_topic_days,
            sample_interval_ms,
            stall_seconds,
            max_clock_skew_ms,
        } = self;
        settings.database_connections = database_connections.unwrap_or(settings.database_connections);
        settings.batch_size = batch_size.unwrap_or(settings.batch_size);
        settings.optimistic = optimistic.unwrap_or(settings.optimistic);
        settings.relay_poll = relay_poll_ms.map_or(settings.relay_poll, Duration::from_millis);
        settings.attempts = attempts.unwrap_or(settings.attempts);
        settings.inbox_retention = inbox_retention_days.map_or(settings.inbox_retention, days);
        settings.redrive_age = redrive_days.map_or(settings.redrive_age, days);
        settings.unlimited_topics = unlimited_topic_days.map(days);
        settings.sample_interval = sample_interval_ms.map_or(settings.sample_interval, Duration::from_millis);
        settings.stall_after =
            stall_seconds.map_or(settings.stall_after, |seconds| Duration::from_secs(seconds.into()));
        settings.max_clock_skew = max_clock_skew_ms.map_or(settings.max_clock_skew, Duration::from_millis);
    }
}

impl InRange for MessagingSection {
    fn out_of_range(&self) -> Vec<OutOfRange> {
        fn within<T: PartialOrd>(given: Option<T>, range: std::ops::RangeInclusive<T>) -> bool {
            given.is_none_or(|given| range.contains(&given))
        }
        let days = "takes 1 to 3650 (days)";
        out_of(&[
            ("database_connections", within(self.database_connections, 1..=1_000), "takes 1 to 1000"),
            ("batch_size", within(self.batch_size, 1..=10_000), "takes 1 to 10000"),
            ("relay_poll_ms", within(self.relay_poll_ms, 1..=60_000), "takes 1 to 60000 (a minute)"),
            ("attempts", within(self.attempts, 1..=1_000), "takes 1 to 1000"),
            ("inbox_retention_days", within(self.inbox_retention_days, 1..=3_650), days),
            ("redrive_days", within(self.redrive_days, 0..=3_650), "takes 0 to 3650 (days)"),
            ("unlimited_topic_days", within(self.unlimited_topic_days, 1..=3_650), days),
            (
                "sample_interval_ms",
                within(self.sample_interval_ms, 10..=3_600_000),
                "takes 10 to 3600000 (an hour)",
            ),
            ("stall_seconds", within(self.stall_seconds, 1..=3_600), "takes 1 to 3600 (an hour)"),
            (
                "max_clock_skew_ms",
                within(self.max_clock_skew_ms, 1_000..=3_600_000),
                "takes 1000 to 3600000 (a second to an hour)",
            ),
        ])
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3600)
}

/// The URL holds a password.
impl std::fmt::Debug for MessagingSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessagingSection").field("batch_size", &self.batch_size).finish_non_exhaustive()
    }
}
