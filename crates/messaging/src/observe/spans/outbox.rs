//! Spans of outbox rows: recorded when the relay has sent a row.

use std::time::SystemTime;

use minuet_envelope::{Micros, TraceContext};
use minuet_telemetry::names::attribute;
use minuet_telemetry::{Kind, Span};

use super::{millis, time_of};
use crate::observe::domain_spans::{KeyAttribute, with_attribute};
use crate::store::context::Core;
use crate::store::outbox::Row;
use crate::store::outbox_event::decision_span_id;
use crate::store::stored_span::StoredSpan;
use crate::topics::TopicName;

/// A sent event.
pub(crate) struct Sent<'a> {
    pub(crate) trace: &'a TraceContext,
    pub(crate) topic: &'a TopicName,
    pub(crate) key: &'a str,
    pub(crate) id: &'a str,
    pub(crate) begun: SystemTime,
}

/// The producer span, whose id is in the message's traceparent.
pub(super) fn producer(sent: &Sent<'_>, attribute: KeyAttribute) -> Span {
    let span = Span::new(format!("send {}", sent.topic.plain()), Kind::Producer, sent.trace, sent.begun)
        .until(SystemTime::now())
        .with("messaging.system", "kafka")
        .with("messaging.operation.type", "send")
        .with("messaging.operation.name", "send")
        .with("messaging.destination.name", sent.topic.full().to_owned())
        .with("messaging.message.id", sent.id.to_owned())
        .with("messaging.kafka.message.key", sent.key.to_owned());
    with_attribute(span, sent.key, attribute)
}

/// Records that a row was published or failed. `relay`: the relay's own span, for rows that another instance has
/// written; the decision's span is recorded on behalf of that instance.
pub(crate) fn relayed(
    core: &Core,
    row: &Row,
    topic: &TopicName,
    begun: SystemTime,
    relay: impl FnOnce() -> TraceContext,
    error: Option<&(dyn std::error::Error + 'static)>,
) {
    let tracer = &core.tracer;
    let header = |name: &str| row.headers.get(name);
    if !tracer.is_on() {
        return;
    }
    let Some(stored) = row.headers.span().and_then(StoredSpan::parse) else { return };
    let trace = header("traceparent")
        .and_then(|parent| TraceContext::parse(parent, header("tracestate"), header("baggage")));
    let (Some(trace), Some(id)) = (trace, header("ce_id")) else { return };
    let written = header("ce_time").and_then(|time| Micros::parse(time).ok()).unwrap_or(Micros(0));
    let is_ours = tracer.instance() == Some(stored.instance.as_str());
    let recorded = stored.recorded_above.filter(|_| !is_ours);
    let above = trace.under(recorded.unwrap_or(stored.parent));
    let step = uuid::Uuid::parse_str(id).map(|id| trace.under(decision_span_id(id)));
    let parent = match (&stored.operation, step) {
        (Some(_), Ok(step)) => step,
        _ => above.clone(),
    };
    let sent = Sent { trace: &trace, topic, key: &row.key, id, begun };
    let mut span = producer(&sent, core.key_attribute)
        .under(&parent)
        .with(attribute::OUTBOX_WAIT_MS, millis(written, begun));
    if let Some(error) = error {
        // A failed attempt has an id of its own: the id in the message belongs to the successful one.
        tracer.record(span.renamed(&tracer.child(&trace)).failed("kafka", error));
        return;
    }
    if !is_ours {
        span = span.link(&relay(), "relay");
        if let Some(operation) = stored.operation {
            let at = time_of(written);
            let lost = Span::new(operation, Kind::Internal, &parent, at).until(at).under(&above);
            tracer
                .record(with_attribute(lost, &row.key, core.key_attribute).with(attribute::RECOVERED, true));
        }
    }
    tracer.record(span);
}
