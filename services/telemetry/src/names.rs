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
}

/// Entries of the W3C baggage that travels with every order.
pub mod baggage {
    pub const ORDER_ID: &str = "order.id";
}
