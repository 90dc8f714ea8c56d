use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use minuet_events::TraceContext;
use minuet_http::incoming_trace;
use uuid::Uuid;

use crate::AppState;

/// The trace that a request came in, if it names a valid one. A stranger's baggage is left at the door: it would travel with
/// every event that follows.
pub(crate) struct IncomingTrace(Option<TraceContext>);

impl FromRequestParts<Arc<AppState>> for IncomingTrace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<AppState>) -> Result<Self, Infallible> {
        Ok(IncomingTrace::read(&parts.headers))
    }
}

impl IncomingTrace {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        IncomingTrace(incoming_trace(headers, false))
    }

    /// The context of an event: under the request's span; or, where nobody records spans, in the request's trace or a new
    /// one.
    pub(crate) fn of_event(self, source: &str, id: Uuid) -> TraceContext {
        minuet_telemetry::current()
            .or(self.0)
            .map_or_else(|| TraceContext::derived(source, id), |incoming| incoming.child(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn context(parent: &str) -> TraceContext {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", parent.parse().unwrap());
        headers.insert("baggage", "order.id=mine,user=root".parse().unwrap());
        IncomingTrace::read(&headers).of_event("/minuet/gateway", Uuid::from_u128(7))
    }

    #[test]
    fn a_valid_trace_goes_on_and_foreign_baggage_does_not() {
        let trace = context(PARENT);
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(trace.span_id(), "b7ad6b7169203331");
        assert_eq!(trace.baggage, None);
    }

    #[test]
    fn a_broken_trace_is_replaced_by_a_new_one() {
        let trace = context("00-zz-b7ad6b7169203331-01");
        assert_eq!(trace, TraceContext::derived("/minuet/gateway", Uuid::from_u128(7)));
    }
}
