use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use minuet_identity::Verifier;
use minuet_telemetry::meters::Meters;

use crate::store::connections::MAX_LIFETIME;

/// Settings of one service: its database, the broker, limits and intervals.
#[derive(Clone)]
pub struct Settings {
    /// librdkafka settings, passed through (TLS and SASL included). `bootstrap.servers` is required.
    pub kafka: BTreeMap<String, String>,
    /// Prefix of every topic and consumer group, so that several installations can share a cluster.
    pub topic_prefix: String,
    /// PostgreSQL URL of the service's own database. Never logged.
    pub database_url: String,
    /// Upper bound of the connection pool.
    pub database_connections: u32,
    /// Maximum age of a connection to the database.
    pub connection_lifetime: Duration,
    /// Upper bound of events in one transaction. PostgreSQL gains little from larger batches.
    pub batch_size: usize,
    /// Whether a batch is decided on rows that are not locked and compared at the end. `false`: rows are locked always.
    pub optimistic: bool,
    /// Interval of the relay's poll. A commit of this instance wakes the relay at once; the poll finds the rows of
    /// other instances.
    pub relay_poll: Duration,
    /// Attempts for a single event before it is parked.
    pub attempts: u32,
    /// Minimum time for which the inbox remembers an event.
    pub inbox_retention: Duration,
    /// Maximum age of a parked event that may be redriven.
    pub redrive_age: Duration,
    /// Maximum age of an event that is read again from a topic with unlimited retention. `None`: the service refuses
    /// such topics.
    pub unlimited_topics: Option<Duration>,
    /// Interval between the queries for gauges that only the database knows (outbox depth, inbox size).
    pub sample_interval: Duration,
    /// For how long an input or the outbox may stand still, although there is work, before the service is not ready.
    pub stall_after: Duration,
    /// Maximum difference between the clocks of database and broker. Beyond it the service decides nothing by time.
    pub max_clock_skew: Duration,
    /// The registry of the service's meters. `None`: a registry of its own.
    pub meters: Option<Meters>,
    /// Verifies the tokens of admins. `None`: no token is accepted.
    pub identity: Option<Arc<Verifier>>,
}

/// A setting that has the right type and a value out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The key within its section, with dots: `provider.success_rate`.
    pub key: &'static str,
    /// The permitted values, for the error message.
    pub takes: &'static str,
}

/// Settings with bounds that their types cannot express.
pub trait InRange {
    /// The settings that are out of bounds; empty if all fit.
    fn out_of_range(&self) -> Vec<OutOfRange>;
}

/// A setting's key, whether its value is within bounds, and the permitted values in words.
pub type Bounded = (&'static str, bool, &'static str);

/// The settings that are out of bounds.
pub fn out_of(settings: &[Bounded]) -> Vec<OutOfRange> {
    let wrong = settings.iter().filter(|(_, is_within, _)| !is_within);
    wrong.map(|&(key, _, takes)| OutOfRange { key, takes }).collect()
}

/// Bounds of a time for which a person waits, in seconds: 1 s to 31 days.
pub fn within_a_month(key: &'static str, seconds: u32) -> Bounded {
    (key, (1..=31 * 24 * 3_600).contains(&seconds), "takes 1 to 2678400 (31 days)")
}

/// Bounds of the sweep interval, in milliseconds: 10 ms to an hour.
pub fn sweeps_within_an_hour(milliseconds: u32) -> Bounded {
    ("sweep_interval_ms", (10..=3_600_000).contains(&milliseconds), "takes 10 to 3600000 (an hour)")
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Settings {
    /// Settings with the given connections and the default for everything else.
    pub fn new(kafka: BTreeMap<String, String>, database_url: String) -> Self {
        Settings {
            kafka,
            topic_prefix: String::new(),
            database_url,
            database_connections: 8,
            connection_lifetime: MAX_LIFETIME,
            batch_size: 500,
            optimistic: true,
            relay_poll: Duration::from_millis(200),
            attempts: 3,
            inbox_retention: 15 * DAY,
            redrive_age: 7 * DAY,
            unlimited_topics: None,
            sample_interval: Duration::from_secs(5),
            stall_after: Duration::from_secs(30),
            max_clock_skew: Duration::from_secs(30),
            meters: None,
            identity: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("topic_prefix", &self.topic_prefix)
            .field("batch_size", &self.batch_size)
            .finish_non_exhaustive()
    }
}
