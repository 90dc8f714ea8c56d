//! Every meter there is. Names follow OpenTelemetry (and its messaging, HTTP and database conventions where these have one);
//! on `/metrics` a dot becomes `_`, the unit is appended, and a counter ends in `_total`.
//!
//! Attributes are bounded: each takes values from a list in the code, from `topics.yaml`, or from a query with a limit.

/// What is measured, in what, and what a person reads beside it.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Kind,
    /// UCUM: `s`, `ms`, `By`, `%`; in braces what is counted.
    pub unit: &'static str,
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    Gauge,
    /// With the upper bounds of its buckets on `/metrics`; over OTLP it is exponential.
    Histogram(&'static [f64]),
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Definition {
    Definition { name, kind: Kind::Counter, unit, help }
}

const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Definition {
    Definition { name, kind: Kind::Gauge, unit, help }
}

const fn histogram(
    name: &'static str,
    unit: &'static str,
    bounds: &'static [f64],
    help: &'static str,
) -> Definition {
    Definition { name, kind: Kind::Histogram(bounds), unit, help }
}

/// From a statement to a batch that waits for a lock.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From an order that nothing held up to one that ran into its deadline.
const DANCE_MS: &[f64] = &[
    10.0,
    25.0,
    50.0,
    100.0,
    200.0,
    300.0,
    500.0,
    1_000.0,
    2_500.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    900_000.0,
    1_800_000.0,
];
const EVENTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0];
const MONEY: &[f64] =
    &[1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 5_000.0, 10_000.0, 100_000.0];

macro_rules! meters {
    ($($(#[$note:meta])* $constant:ident = $definition:expr;)+) => {
        $($(#[$note])* pub const $constant: Definition = $definition;)+
        pub const ALL: &[Definition] = &[$($constant),+];
    };
}

meters! {
    // The domain's own.
    ORDER_CREATE_COUNT = counter("order.create.count", "{order}", "Orders that were submitted and answered: placed, or rejected.");
    ORDER_STATUS_COUNT = counter("order.status.count", "{order}", "Orders that came into this status.");
    ORDER_CANCEL_COUNT = counter("order.cancel.count", "{order}", "Orders that were cancelled, by cause.");
    ORDER_PROCESS_DURATION = histogram("order.process.duration", "ms", DANCE_MS, "From OrderSubmitted to the order's end, by the status that it ended in.");
    ORDER_OPEN = gauge("order.open", "{order}", "Orders that are neither confirmed nor cancelled nor failed.");
    ORDER_OPEN_AGE = gauge("order.open.age", "s", "Age of the oldest open order.");
    PAYMENT_PROCESS_COUNT = counter("payment.process.count", "{payment}", "Payments that came into this status.");
    PAYMENT_AMOUNT = histogram("payment.amount", "", MONEY, "Captured amounts, in units of the currency (a float: for books, ask audit verify).");
    PAYMENT_REFUND_AMOUNT = histogram("payment.refund.amount", "", MONEY, "Refunded amounts, in units of the currency (a float).");
    PAYMENT_SUCCESS_RATE = gauge("payment.success.rate", "%", "Captured of the last 500 charges that this instance saw answered.");
    PAYMENT_OPEN = gauge("payment.open", "{payment}", "Charges without the provider's answer, and refunds not given yet; counted up to 100,000.");
    PAYMENT_REFUND_PARKED = gauge("payment.refund.parked", "{refund}", "Refunds that the provider kept refusing: a person has to look.");
    PAYMENT_GATEWAY_DURATION = histogram("payment.gateway.duration", "s", SECONDS, "Requests to the payment provider.");
    INVENTORY_RESERVE_COUNT = counter("inventory.reserve.count", "{order}", "Orders whose lines were all reserved, or of which none was.");
    INVENTORY_CONFIRM_COUNT = counter("inventory.confirm.count", "{order}", "Reservations that were confirmed, or could not be.");
    INVENTORY_RELEASE_COUNT = counter("inventory.release.count", "{order}", "Reservations that were released, by cause.");
    INVENTORY_STOCK_LEVEL = gauge("inventory.stock.level", "{item}", "Items per warehouse, available or reserved.");
    INVENTORY_STOCK_LOW = gauge("inventory.stock.low", "{item}", "Available items of the skus that are low: at most 20, the lowest.");

    // The messaging conventions' own.
    MESSAGING_SENT = counter("messaging.client.sent.messages", "{message}", "Messages that were handed to the broker.");
    MESSAGING_CONSUMED = counter("messaging.client.consumed.messages", "{message}", "Messages that were delivered to the service.");
    MESSAGING_OPERATION_DURATION = histogram("messaging.client.operation.duration", "s", SECONDS, "From handing messages over to the broker's acknowledgement; of a batch once per topic.");
    MESSAGING_PROCESS_DURATION = histogram("messaging.process.duration", "s", SECONDS, "Processing of messages; of a batch once per topic.");

    // The system's.
    OUTBOX_DEPTH = gauge("outbox.depth", "{event}", "Rows in the outbox, counted up to 100,000.");
    OUTBOX_AGE = gauge("outbox.age", "s", "Age of the oldest row in the outbox.");
    INBOX_SIZE = gauge("inbox.size", "{event}", "Rows in the inbox, as PostgreSQL's statistics estimate them.");
    CONSUMER_LAG = gauge("consumer.lag", "{message}", "Messages behind the end of a partition, by librdkafka's statistics.");
    CONSUMER_LAG_TIME = gauge("consumer.lag.time", "s", "Age of the oldest message that was taken and is not processed.");
    BATCH_SIZE = histogram("batch.size", "{event}", EVENTS, "Messages of one batch.");
    BATCH_DURATION = histogram("batch.duration", "s", SECONDS, "Each step of a batch's transaction.");
    BATCH_RETRY_COUNT = counter("batch.retry.count", "{attempt}", "Batches that were tried again.");
    EVENT_COUNT = counter("event.count", "{event}", "Events by what became of them.");
    PARKED_COUNT = counter("parked.count", "{event}", "Events that were parked, by reason.");
    PARKED_SIZE = gauge("parked.size", "{event}", "Events that lie in dead_letters, by reason; of the newest 10,000.");
    SHARD_HELD = gauge("shard.held", "{shard}", "Shards that this instance owns.");
    SHARD_EPOCH = gauge("shard.epoch", "", "The epoch under which this instance owns a shard; a shard that it does not own is absent.");
    POOL_CONNECTIONS = gauge("db.client.connection.count", "{connection}", "Connections of the pool, by state.");
    POOL_MAX = gauge("db.client.connection.max", "{connection}", "Most connections that the pool may open.");
    SAMPLE_DURATION = gauge("sample.duration", "s", "How long the last sample of this took: it is pushed back where that is long.");
    SAMPLE_FAILURE_COUNT = counter("sample.failure.count", "{sample}", "Samples that failed, or were cut off.");
    KAFKA_QUEUE = gauge("kafka.client.queue", "{message}", "librdkafka: messages in the client's queue.");
    KAFKA_SENT = counter("kafka.client.sent", "By", "librdkafka: bytes sent to brokers.");
    KAFKA_RECEIVED = counter("kafka.client.received", "By", "librdkafka: bytes received from brokers.");
    KAFKA_BROKER_RTT = gauge("kafka.client.broker.rtt", "s", "librdkafka: round trip to a broker, 99th percentile of the last interval.");
    KAFKA_TIMEOUT_COUNT = counter("kafka.client.timeout.count", "{request}", "librdkafka: requests that timed out.");
    KAFKA_DISCONNECT_COUNT = counter("kafka.client.disconnect.count", "{connection}", "librdkafka: connections that were lost.");
    KAFKA_REBALANCE_COUNT = counter("kafka.client.rebalance.count", "{rebalance}", "librdkafka: rebalances of the group.");
    TELEMETRY_COUNT = counter("telemetry.export.count", "{item}", "Spans and log records over OTLP, by what became of them.");
    HTTP_DURATION = histogram("http.server.request.duration", "s", SECONDS, "Requests to the gateway.");
}

/// Keys of attributes.
pub mod attribute {
    pub const STATUS: &str = "status";
    pub const METHOD: &str = "method";
    pub const CURRENCY: &str = "currency";
    pub const CAUSE: &str = "cause";
    pub const REASON: &str = "reason";
    pub const TYPE: &str = "type";
    pub const SKU: &str = "sku";
    pub const WAREHOUSE: &str = "warehouse_code";
    pub const KIND: &str = "kind";
    pub const OPERATION: &str = "operation";
    pub const SIGNAL: &str = "signal";
    pub const OUTCOME: &str = "outcome";
    pub const STEP: &str = "step";
    pub const SHARD: &str = "shard";
    pub const SAMPLE: &str = "sample";
    pub const TOPIC: &str = "topic";
    pub const PARTITION: &str = "partition";
    pub const CLIENT: &str = "client";
    pub const BROKER: &str = "broker";
    pub const MESSAGING_SYSTEM: &str = "messaging.system";
    pub const MESSAGING_OPERATION: &str = "messaging.operation.name";
    pub const MESSAGING_DESTINATION: &str = "messaging.destination.name";
    pub const MESSAGING_GROUP: &str = "messaging.consumer.group.name";
    pub const ERROR_TYPE: &str = "error.type";
    pub const POOL_STATE: &str = "db.client.connection.state";
    pub const POOL_NAME: &str = "db.client.connection.pool.name";
    pub const HTTP_METHOD: &str = "http.request.method";
    pub const HTTP_ROUTE: &str = "http.route";
    pub const HTTP_STATUS: &str = "http.response.status_code";
}
