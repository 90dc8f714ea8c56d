//! Names that code, dashboards, alerts and log queries share. A name stands here once it is used.

pub mod meter;

/// Fields of log events and spans.
pub mod field {
    pub const SERVICE: &str = "service";
    pub const ORDER_ID: &str = "order_id";
    pub const USER_ID: &str = "user_id";
    pub const SKU: &str = "sku";
    /// The record's name, such as `OrderPlaced`.
    pub const EVENT: &str = "event";
    /// Its `ce_id`.
    pub const EVENT_ID: &str = "event_id";
    pub const TOPIC: &str = "topic";
    pub const PARTITION: &str = "partition";
    pub const OFFSET: &str = "offset";
    pub const SHARD: &str = "shard";
    pub const EPOCH: &str = "epoch";
    pub const REASON: &str = "reason";
    pub const ATTEMPT: &str = "attempt";
    pub const TRACE_ID: &str = "trace_id";
    pub const SPAN_ID: &str = "span_id";
}

/// Attributes of spans. The ones of the semantic conventions for messaging, HTTP and databases lie where they are set.
pub mod attribute {
    pub const ORDER_ID: &str = "order.id";
    pub const ORDER_STATUS: &str = "order.status";
    pub const USER_ID: &str = "user.id";
    pub const ITEMS_COUNT: &str = "items.count";
    pub const RESERVATIONS_COUNT: &str = "reservations.count";
    pub const PAYMENT_ID: &str = "payment.id";
    pub const PAYMENT_STATUS: &str = "payment.status";
    pub const TRANSACTION_ID: &str = "transaction.id";
    pub const METHOD: &str = "method";
    /// The record's name, such as `OrderPlaced`.
    pub const EVENT: &str = "minuet.event";
    /// How long an event lay in the outbox before it was sent.
    pub const OUTBOX_WAIT_MS: &str = "minuet.outbox.wait_ms";
    /// How long it lay in its topic before it was processed.
    pub const TOPIC_WAIT_MS: &str = "minuet.topic.wait_ms";
    /// How long it lay parked before it was redriven.
    pub const PARKED_WAIT_MS: &str = "minuet.parked.wait_ms";
    /// What became of an event: applied, no_op, duplicate, waits_behind, parked.
    pub const OUTCOME: &str = "minuet.outcome";
    /// Another instance told of this span, since the one that did the work may have died before it could.
    pub const RECOVERED: &str = "minuet.recovered";
    /// Of a link: what the other span is to this one.
    pub const LINK: &str = "minuet.link";
}

/// Spans of the domain.
pub mod span {
    pub const ORDER_CREATE: &str = "order.create";
    pub const ORDER_GET: &str = "order.get_by_id";
    pub const ORDER_UPDATE: &str = "order.update_status";
    pub const INVENTORY_RESERVE: &str = "inventory.reserve";
    pub const INVENTORY_CONFIRM: &str = "inventory.confirm";
    pub const INVENTORY_RELEASE: &str = "inventory.release";
    pub const INVENTORY_ADJUST: &str = "inventory.adjust";
    pub const PAYMENT_PROCESS: &str = "payment.process";
    pub const PAYMENT_CALL: &str = "payment.gateway.call";
    pub const PAYMENT_REFUND: &str = "payment.refund";
}

/// Entries of the W3C baggage that travels with every order.
pub mod baggage {
    pub const ORDER_ID: &str = "order.id";
}
