//! Where a call comes from, for its spans.

use minuet_events::TraceContext;
use minuet_events::trace::with_order;

use crate::row::Row;

/// The trace that a call belongs to, and the user who wants it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The order's, under the span that its row keeps.
    pub(crate) trace: TraceContext,
    /// Of a request in a trace of its own.
    pub(crate) request: Option<TraceContext>,
    pub(crate) user: Option<String>,
}

impl Origin {
    pub(crate) fn of(row: &Row, request: Option<&TraceContext>) -> Option<Self> {
        let trace = with_order(row.versioned.trace.as_ref()?, row.order_id);
        let user = row.user_id.as_ref().map(ToString::to_string);
        Some(Origin { trace, request: request.cloned(), user })
    }

    pub(crate) fn trace(&self) -> &TraceContext {
        &self.trace
    }
}
