use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use minuet_identity::Verifier;
use minuet_telemetry::meters::Meters;

/// What one service needs to take part: where its database, the broker and the registry are.
#[derive(Clone)]
pub struct Settings {
    /// librdkafka settings, passed through (TLS and SASL included). `bootstrap.servers` is required.
    pub kafka: BTreeMap<String, String>,
    /// Goes before every topic and consumer group, so that several installations share a cluster.
    pub topic_prefix: String,
    /// The service's own database. Never logged.
    pub database_url: String,
    pub database_connections: u32,
    /// Most events in one transaction: PostgreSQL gains little from more.
    pub batch_size: usize,
    /// How long a relay sleeps when nobody wakes it. Rows that another instance wrote are found by this poll.
    pub relay_poll: Duration,
    /// How often one event alone is tried before it is parked.
    pub attempts: u32,
    /// How long the inbox remembers at least.
    pub inbox_retention: Duration,
    /// How old a parked event may be that is redriven.
    pub redrive_age: Duration,
    /// How old an event may be that is read again from a topic which keeps events for ever.
    pub unlimited_topics: Option<Duration>,
    /// How often what only the database knows is asked for its meters.
    pub sample_interval: Duration,
    /// Where the service is measured. None: in meters of its own.
    pub meters: Option<Meters>,
    /// Whose tokens are believed where an admin is asked for. None: nobody's.
    pub identity: Option<Arc<Verifier>>,
}

/// A setting of the right type that must not be used as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// Below the section, with dots: `provider.success_rate`.
    pub key: &'static str,
    pub takes: &'static str,
}

/// Settings of a service that know what a type cannot say.
pub trait InRange {
    fn out_of_range(&self) -> Vec<OutOfRange>;
}

/// A setting's key, whether it is within its bounds, and what it takes.
pub type Bounded = (&'static str, bool, &'static str);

/// Those of the settings that are not within their bounds.
pub fn out_of(settings: &[Bounded]) -> Vec<OutOfRange> {
    let wrong = settings.iter().filter(|(_, is_within, _)| !is_within);
    wrong.map(|&(key, _, takes)| OutOfRange { key, takes }).collect()
}

/// How long something may take that a person waits for, in seconds.
pub fn within_a_month(key: &'static str, seconds: u32) -> Bounded {
    (key, (1..=31 * 24 * 3_600).contains(&seconds), "takes 1 to 2678400 (31 days)")
}

/// How often a sweeper looks, in milliseconds.
pub fn sweeps_within_an_hour(milliseconds: u32) -> Bounded {
    ("sweep_interval_ms", (10..=3_600_000).contains(&milliseconds), "takes 10 to 3600000 (an hour)")
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Settings {
    pub fn new(kafka: BTreeMap<String, String>, database_url: String) -> Self {
        Settings {
            kafka,
            topic_prefix: String::new(),
            database_url,
            database_connections: 8,
            batch_size: 500,
            relay_poll: Duration::from_millis(200),
            attempts: 3,
            inbox_retention: 15 * DAY,
            redrive_age: 7 * DAY,
            unlimited_topics: None,
            sample_interval: Duration::from_secs(5),
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
