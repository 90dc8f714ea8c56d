use std::sync::Arc;

use minuet_envelope::{Contract, Envelope, Micros, TraceContext, ids, trace};
use minuet_telemetry::Tracer;
use uuid::Uuid;

/// The cause of an event: `ce_id` and `ce_time` of the event that it is derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `ce_id` of the causing event.
    pub id: Uuid,
    /// `ce_time` of the causing event.
    pub time: Micros,
}

impl<K> From<&Envelope<K>> for Cause {
    fn from(envelope: &Envelope<K>) -> Self {
        Cause { id: envelope.id, time: envelope.time }
    }
}

/// An event for the outbox, with all its headers.
#[derive(Clone, Debug)]
pub struct OutboxEvent<C: Contract> {
    /// The headers.
    pub envelope: Envelope<C::Kind>,
    /// The payload.
    pub event: C::Event,
    /// The parent of the decision's span. `None`: the trace is not recorded.
    under: Option<u64>,
    /// A span above `under` that is recorded already, if `under` itself may never be: see
    /// [`OutboxEvent::redriven`].
    recorded_above: Option<u64>,
}

impl<C: Contract> OutboxEvent<C> {
    /// An event caused by another. `index` counts the events of one type that one cause produces; with the cause it
    /// determines the event's id. `sequence` is dense per (source, key), `None` only for a refusal about an unknown
    /// key. The event continues `trace`, the trace of its key.
    pub fn caused_by(
        cause: Cause,
        source: &Arc<str>,
        event: C::Event,
        index: u32,
        now: Micros,
        sequence: Option<i64>,
        trace: &TraceContext,
    ) -> Self {
        let event_type = C::kind(&event);
        let key: Arc<str> = C::key(&event).into();
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
        let under = trace.sampled().then(|| u64::from_str_radix(trace.span_id(), 16).ok()).flatten();
        OutboxEvent { envelope, event, under, recorded_above: None }
    }

    /// An event of the service itself, not of the domain: it has no decision span.
    pub(crate) fn unrecorded(envelope: Envelope<C::Kind>, event: C::Event) -> Self {
        OutboxEvent { envelope, event, under: None, recorded_above: None }
    }

    /// The span of the decision behind this event, the parent of the span that sends it. Its id is a function of the
    /// event's id.
    pub fn decision_span(&self) -> TraceContext {
        self.envelope.trace.under(decision_span_id(self.envelope.id))
    }

    /// The parent of [`OutboxEvent::decision_span`].
    pub fn parent(&self) -> Option<TraceContext> {
        self.under.map(|id| self.envelope.trace.under(id))
    }

    /// The event of a redriven one, whose span is `redrive`. That span is recorded after the commit, and no other instance
    /// can record it: the dead letter is gone. Where the writer dies in between, the decision is recorded under the span in
    /// which the event was parked.
    pub(crate) fn redriven(mut self, redrive: &TraceContext, parked: &TraceContext) -> Self {
        let is_under = self.parent().is_some_and(|parent| parent.span_id() == redrive.span_id());
        if is_under && parked.trace_id() == self.envelope.trace.trace_id() {
            self.recorded_above = u64::from_str_radix(parked.span_id(), 16).ok();
        }
        self
    }

    /// See [`OutboxEvent::redriven`].
    pub(crate) fn recorded_above(&self) -> Option<u64> {
        self.recorded_above
    }

    pub(crate) fn is_recorded(&self, tracer: &Tracer) -> bool {
        self.under.is_some() && tracer.records(&self.envelope.trace)
    }
}

/// The span id of an event's decision.
pub(crate) fn decision_span_id(event: Uuid) -> u64 {
    trace::span_id(&[b"minuet.step", event.as_bytes()])
}
