//! Names that code, dashboards, alerts and log queries share. The names of a service's own meters and spans lie with the service.

pub mod meter;

/// Fields of log lines, besides the subject's.
pub(crate) mod field {
    pub(crate) const TRACE_ID: &str = "trace_id";
    pub(crate) const SPAN_ID: &str = "span_id";
}

/// Attributes of spans, besides the subject's. Attributes of OpenTelemetry's conventions for messaging, HTTP and databases are
/// written where they are set.
pub mod attribute {
    /// The short name of the record, such as `OrderPlaced`.
    pub const EVENT: &str = "minuet.event";
    /// How long an event lay in the outbox before it was sent.
    pub const OUTBOX_WAIT_MS: &str = "minuet.outbox.wait_ms";
    /// How long an event lay in its topic before it was processed.
    pub const TOPIC_WAIT_MS: &str = "minuet.topic.wait_ms";
    /// How long an event lay parked before it was redriven.
    pub const PARKED_WAIT_MS: &str = "minuet.parked.wait_ms";
    /// The outcome of processing an event: applied, no_op, duplicate, waits_behind, parked.
    pub const OUTCOME: &str = "minuet.outcome";
    /// True: another instance recorded this span, since the instance that did the work may have died before.
    pub const RECOVERED: &str = "minuet.recovered";
    /// Of a link: what the other span is to this one.
    pub const LINK: &str = "minuet.link";
}
