use std::sync::Arc;

use minuet_events::values::{Micros, OrderId};
use minuet_events::{Envelope, Event, TraceContext, ids};
use uuid::Uuid;

/// What an event is derived from: the `ce_id` and `ce_time` of the event that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    pub id: Uuid,
    pub time: Micros,
}

impl From<&Envelope> for Cause {
    fn from(envelope: &Envelope) -> Self {
        Cause { id: envelope.id, time: envelope.time }
    }
}

/// An order's own trace goes on, whatever the trace of the request that acts on it now. `own`: the traceparent that its row
/// keeps; `cause`: the trace of the event at hand, None where time or a provider acts.
pub fn order_trace(own: Option<&str>, cause: Option<&TraceContext>, order: OrderId) -> TraceContext {
    let own = own.and_then(|own| TraceContext::parse(own, None, None));
    let trace = match (own, cause) {
        (Some(own), Some(cause)) if own.trace_id() == cause.trace_id() => cause.clone(),
        (Some(own), _) => own,
        (None, Some(cause)) => cause.clone(),
        (None, None) => TraceContext::derived("/minuet", order.as_uuid()),
    };
    trace.with_order(order)
}

/// An event on its way into the outbox, with all its headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Emission {
    pub envelope: Envelope,
    pub event: Event,
}

impl Emission {
    /// `index` counts the events of one type that one cause leads to. `sequence` is dense per (source, key); None only for a
    /// refusal about an order that the service does not know. The event continues `trace`, the order's own.
    pub fn caused_by(
        cause: Cause,
        source: &Arc<str>,
        event: Event,
        index: u32,
        now: Micros,
        sequence: Option<i64>,
        trace: &TraceContext,
    ) -> Self {
        let event_type = event.event_type();
        let key: Arc<str> = event.key().into();
        let id = ids::derive(cause.id, cause.time, event_type, index);
        let envelope = Envelope {
            id,
            event_type,
            source: Arc::clone(source),
            subject: Arc::clone(&key),
            time: now,
            correlation_id: key,
            causation_id: Some(cause.id),
            sequence,
            trace: trace.child(id),
        };
        Emission { envelope, event }
    }
}
