//! The trace of an order.

use std::fmt::Display;

use minuet_envelope::TraceContext;
pub use minuet_envelope::trace::span_id;

use crate::values::OrderId;

/// The baggage entry that names the order.
pub const ORDER_ID: &str = "order.id";

/// Puts the order into the baggage.
pub fn with_order(trace: &TraceContext, order_id: impl Display) -> TraceContext {
    trace.with_baggage_entry(ORDER_ID, order_id)
}

/// The trace of an order's next event. An order's own trace goes on, whatever the trace of the request that acts on it now.
/// `own`: the trace that the order's row keeps; `cause`: the trace of the event at hand, `None` where time or a provider acts.
pub fn order_trace(own: Option<&TraceContext>, cause: Option<&TraceContext>, order: OrderId) -> TraceContext {
    let trace = match (own, cause) {
        (Some(own), Some(cause)) if own.trace_id() == cause.trace_id() => cause,
        (Some(own), _) => own,
        (None, Some(cause)) => cause,
        (None, None) => return with_order(&TraceContext::derived("/minuet", order.as_uuid()), order),
    };
    with_order(trace, order)
}
