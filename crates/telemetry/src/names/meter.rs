//! The meters of every service. Names follow OpenTelemetry, with its messaging, HTTP and database conventions; on `/metrics` a
//! dot becomes `_`, the unit is appended, and a counter ends in `_total`.
//!
//! Attributes are bounded: each takes values from a list in the code, from the declared topics, or from a query with a limit.

/// One meter: its name, its unit, and its description for people.
///
/// ```
/// use minuet_telemetry::names::meter::{Definition, Kind};
///
/// const DELIVERIES: Definition = Definition::counter("delivery.count", "{delivery}", "Deliveries that arrived.");
/// assert_eq!(DELIVERIES.kind, Kind::Counter);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The name in OpenTelemetry, with dots.
    pub name: &'static str,
    /// The kind of instrument.
    pub kind: Kind,
    /// The unit in UCUM: `s`, `ms`, `By`, `%`; in braces the thing that is counted.
    pub unit: &'static str,
    /// The description: one sentence.
    pub help: &'static str,
}

/// The kind of an instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// The value of the moment.
    Gauge,
    /// A distribution, with the upper bounds of its buckets on `/metrics`. Over OTLP it is exponential.
    Histogram(&'static [f64]),
}

impl Definition {
    /// A value that only grows.
    pub const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Definition {
        Definition { name, kind: Kind::Counter, unit, help }
    }

    /// The value of the moment.
    pub const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Definition {
        Definition { name, kind: Kind::Gauge, unit, help }
    }

    /// A distribution. `bounds` are the upper bounds of its buckets, rising.
    pub const fn histogram(
        name: &'static str,
        unit: &'static str,
        bounds: &'static [f64],
        help: &'static str,
    ) -> Definition {
        Definition { name, kind: Kind::Histogram(bounds), unit, help }
    }
}

/// Buckets for durations in seconds: from one statement to a batch that waits for a lock.
pub const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const EVENTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0];

macro_rules! meters {
    ($($constant:ident = Definition::$kind:ident($name:literal, $($rest:tt)+);)+) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $constant: Definition = Definition::$kind($name, $($rest)+);
        )+
        /// Every meter of this module.
        pub const ALL: &[Definition] = &[$($constant),+];
    };
}

meters! {
    // Of OpenTelemetry's conventions for messaging.
    MESSAGING_SENT = Definition::counter("messaging.client.sent.messages", "{message}", "Messages that were handed to the broker.");
    MESSAGING_CONSUMED = Definition::counter("messaging.client.consumed.messages", "{message}", "Messages that were delivered to the service.");
    MESSAGING_OPERATION_DURATION = Definition::histogram("messaging.client.operation.duration", "s", SECONDS, "From handing messages over to the broker's acknowledgement; of a batch once per topic.");
    MESSAGING_PROCESS_DURATION = Definition::histogram("messaging.process.duration", "s", SECONDS, "Processing of messages; of a batch once per topic.");

    // Of the messaging library, the database pool, librdkafka, telemetry and HTTP.
    OUTBOX_DEPTH = Definition::gauge("outbox.depth", "{event}", "Rows in the outbox, counted up to 100,000.");
    OUTBOX_AGE = Definition::gauge("outbox.age", "s", "Age of the oldest row in the outbox.");
    OUTBOX_REFUSED = Definition::gauge("outbox.refused", "{event}", "Rows of the outbox that the broker refuses, such as too large ones.");
    OUTBOX_PUBLISHED_COUNT = Definition::counter("outbox.published.count", "{event}", "Rows of the outbox that the broker has acknowledged, by where the relay had them from: the memory of the process that committed them, or the table.");
    STALL_AGE = Definition::gauge("stall.age", "s", "For how long something stands still although there is work, past the bound; 0 if everything moves.");
    INBOX_SIZE = Definition::gauge("inbox.size", "{event}", "Rows in the inbox, as PostgreSQL's statistics estimate them.");
    CONSUMER_LAG = Definition::gauge("consumer.lag", "{message}", "Messages behind the end of a partition, by librdkafka's statistics.");
    CONSUMER_LAG_TIME = Definition::gauge("consumer.lag.time", "s", "Age of the oldest message that was taken and is not processed.");
    TOPIC_FAULT = Definition::gauge("topic.fault", "{partition}", "Partitions of a topic that cannot be used, by fault: the topic is missing, partitions were added or are absent, a batch cannot be unpacked.");
    BATCH_UNREADABLE_COUNT = Definition::counter("batch.unreadable.count", "{batch}", "Batches of records that could not be unpacked.");
    BATCH_SKIPPED_COUNT = Definition::counter("batch.skipped.count", "{batch}", "Batches that could not be unpacked and were skipped by a person's decision.");
    BATCH_SIZE = Definition::histogram("batch.size", "{event}", EVENTS, "Messages of one batch.");
    BATCH_DURATION = Definition::histogram("batch.duration", "s", SECONDS, "Each step of a batch's transaction.");
    BATCH_RETRY_COUNT = Definition::counter("batch.retry.count", "{attempt}", "Batches that were tried again.");
    EVENT_COUNT = Definition::counter("event.count", "{event}", "Events by what became of them.");
    COMMIT_COUNT = Definition::counter("commit.count", "{transaction}", "Transactions, by path: optimistic ones compare their rows at the end, locking ones lock them.");
    COMMIT_CONFLICT_COUNT = Definition::counter("commit.conflict.count", "{transaction}", "Optimistic transactions that were done again on locked rows, by the table in which another transaction was first.");
    PARKED_COUNT = Definition::counter("parked.count", "{event}", "Events that were parked, by reason.");
    PARKED_SIZE = Definition::gauge("parked.size", "{event}", "Events that lie in dead_letters, by reason; of the newest 10,000.");
    SKIPPED_OFFSETS = Definition::gauge("skipped.offsets", "{message}", "Messages that were deleted from their topic before the service read them, until a person accepts it.");
    SHARD_HELD = Definition::gauge("shard.held", "{shard}", "Shards that this instance owns.");
    SHARD_EPOCH = Definition::gauge("shard.epoch", "", "The epoch under which this instance owns a shard; a shard that it does not own is absent.");
    POOL_CONNECTIONS = Definition::gauge("db.client.connection.count", "{connection}", "Connections of the pool, by state.");
    POOL_MAX = Definition::gauge("db.client.connection.max", "{connection}", "Most connections that the pool may open.");
    CLOCK_SKEW = Definition::gauge("clock.skew", "s", "How far the machine's clock is ahead of the database's, and the database's ahead of the broker's, by reference.");
    SAMPLE_DURATION = Definition::gauge("sample.duration", "s", "How long the last sample of this took: it is pushed back where that is long.");
    SAMPLE_FAILURE_COUNT = Definition::counter("sample.failure.count", "{sample}", "Samples that failed, or were cut off.");
    KAFKA_QUEUE = Definition::gauge("kafka.client.queue", "{message}", "librdkafka: messages in the client's queue.");
    KAFKA_SENT = Definition::counter("kafka.client.sent", "By", "librdkafka: bytes sent to brokers.");
    KAFKA_RECEIVED = Definition::counter("kafka.client.received", "By", "librdkafka: bytes received from brokers.");
    KAFKA_BROKER_RTT = Definition::gauge("kafka.client.broker.rtt", "s", "librdkafka: round trip to a broker, 99th percentile of the last interval.");
    KAFKA_REQUEST_COUNT = Definition::counter("kafka.client.request.count", "{request}", "librdkafka: requests to brokers, by what they ask for.");
    KAFKA_TIMEOUT_COUNT = Definition::counter("kafka.client.timeout.count", "{request}", "librdkafka: requests that timed out.");
    KAFKA_DISCONNECT_COUNT = Definition::counter("kafka.client.disconnect.count", "{connection}", "librdkafka: connections that were lost.");
    KAFKA_REBALANCE_COUNT = Definition::counter("kafka.client.rebalance.count", "{rebalance}", "librdkafka: rebalances of the group.");
    TELEMETRY_COUNT = Definition::counter("telemetry.export.count", "{item}", "Spans and log records over OTLP, by what became of them.");
    HTTP_DURATION = Definition::histogram("http.server.request.duration", "s", SECONDS, "Requests to the gateway.");
}

/// Keys of attributes.
pub mod attribute {
    /// `reason`
    pub const REASON: &str = "reason";
    /// `signal`
    pub const SIGNAL: &str = "signal";
    /// `outcome`
    pub const OUTCOME: &str = "outcome";
    /// `step`
    pub const STEP: &str = "step";
    /// How a transaction made sure that its rows did not change: `optimistic` or `locking`.
    pub const PATH: &str = "path";
    /// A table of a service's database.
    pub const TABLE: &str = "table";
    /// Where the relay had a row from: `memory` or `table`.
    pub const ORIGIN: &str = "origin";
    /// `shard`
    pub const SHARD: &str = "shard";
    /// The clock that another one is compared with: `database` or `broker`.
    pub const REFERENCE: &str = "reference";
    /// `sample`
    pub const SAMPLE: &str = "sample";
    /// `topic`
    pub const TOPIC: &str = "topic";
    /// `what`
    pub const WHAT: &str = "what";
    /// What is wrong with a topic: `missing`, `partitions` or `unreadable`.
    pub const FAULT: &str = "fault";
    /// `partition`
    pub const PARTITION: &str = "partition";
    /// `request`
    pub const REQUEST: &str = "request";
    /// `client`
    pub const CLIENT: &str = "client";
    /// `broker`
    pub const BROKER: &str = "broker";
    /// `messaging.system`
    pub const MESSAGING_SYSTEM: &str = "messaging.system";
    /// `messaging.operation.name`
    pub const MESSAGING_OPERATION: &str = "messaging.operation.name";
    /// `messaging.destination.name`
    pub const MESSAGING_DESTINATION: &str = "messaging.destination.name";
    /// `messaging.consumer.group.name`
    pub const MESSAGING_GROUP: &str = "messaging.consumer.group.name";
    /// `error.type`
    pub const ERROR_TYPE: &str = "error.type";
    /// `db.client.connection.state`
    pub const POOL_STATE: &str = "db.client.connection.state";
    /// `db.client.connection.pool.name`
    pub const POOL_NAME: &str = "db.client.connection.pool.name";
    /// `http.request.method`
    pub const HTTP_METHOD: &str = "http.request.method";
    /// `http.route`
    pub const HTTP_ROUTE: &str = "http.route";
    /// `http.response.status_code`
    pub const HTTP_STATUS: &str = "http.response.status_code";
}
