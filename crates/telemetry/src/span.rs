//! A span that is told once it is over. Nothing is allocated for a trace that is not recorded, since nobody begins one; and
//! its id is the caller's, so that the span which a message names as its parent is the span that told of its sending.

use std::borrow::Cow;
use std::error::Error;
use std::time::SystemTime;

use minuet_envelope::TraceContext;
use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::error_chain;
use crate::names::attribute;

pub use opentelemetry::trace::SpanKind as Kind;

#[derive(Clone, Debug)]
pub struct Span(pub(crate) SpanData);

impl Span {
    /// `context` names the span itself; its baggage's order becomes an attribute, as on every span of that order.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        context: &TraceContext,
        start: SystemTime,
    ) -> Self {
        let mut span = Span(SpanData {
            span_context: span_context(context),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: kind,
            name: name.into(),
            start_time: start,
            end_time: start,
            attributes: Vec::with_capacity(12),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("minuet").build(),
        });
        if let Some(order) = context.baggage_entry(attribute::ORDER_ID) {
            span.0.attributes.push(KeyValue::new(attribute::ORDER_ID, order.to_owned()));
        }
        span
    }

    /// Under a span of this process.
    #[must_use]
    pub fn under(mut self, parent: &TraceContext) -> Self {
        self.0.parent_span_id = span_id_of(parent);
        self
    }

    /// Under a span that another process has told of.
    #[must_use]
    pub fn under_remote(self, parent: &TraceContext) -> Self {
        let mut span = self.under(parent);
        span.0.parent_span_is_remote = true;
        span
    }

    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// The last value of a key is the one that counts.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        let new = KeyValue::new(key, value);
        match self.0.attributes.iter_mut().find(|known| known.key == new.key) {
            Some(known) => *known = new,
            None => self.0.attributes.push(new),
        }
    }

    #[must_use]
    pub fn link(mut self, to: &TraceContext, why: &'static str) -> Self {
        let attributes = vec![KeyValue::new(attribute::LINK, why)];
        self.0.links.links.push(Link::new(span_context(to), attributes, 0));
        self
    }

    /// Something that happened meanwhile.
    #[must_use]
    pub fn event<const N: usize>(
        mut self,
        name: &'static str,
        at: SystemTime,
        attributes: [(&'static str, Value); N],
    ) -> Self {
        let attributes = attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
        self.0.events.events.push(Event::new(name, at, attributes, 0));
        self
    }

    /// It failed: status and, as an event, the error with its causes.
    #[must_use]
    pub fn failed(self, kind: impl Into<Value>, error: &(dyn Error + 'static)) -> Self {
        self.failed_with(kind, error_chain(error))
    }

    /// As [`Span::failed`], for what is no error of this program: a refusal, with its reason.
    #[must_use]
    pub fn failed_with(self, kind: impl Into<Value>, detail: String) -> Self {
        let kind = kind.into();
        let at = self.0.end_time;
        let mut span = self.event(
            "exception",
            at,
            [("exception.type", kind.clone()), ("exception.message", detail.clone().into())],
        );
        span.set("error.type", kind);
        span.0.status = Status::error(detail);
        span
    }

    /// The same, as another span of its trace.
    #[must_use]
    pub fn renamed(mut self, context: &TraceContext) -> Self {
        self.0.span_context = span_context(context);
        self
    }

    /// Not before its start: a clock may have been put back meanwhile.
    #[must_use]
    pub fn until(mut self, end: SystemTime) -> Self {
        self.0.end_time = end.max(self.0.start_time);
        self
    }
}

pub(crate) fn span_id_of(context: &TraceContext) -> SpanId {
    SpanId::from_hex(context.span_id()).unwrap_or(SpanId::INVALID)
}

pub(crate) fn trace_id_of(context: &TraceContext) -> TraceId {
    TraceId::from_hex(context.trace_id()).unwrap_or(TraceId::INVALID)
}

fn span_context(context: &TraceContext) -> SpanContext {
    let state = context.tracestate.as_deref().and_then(|state| state.parse::<TraceState>().ok());
    SpanContext::new(
        trace_id_of(context),
        span_id_of(context),
        TraceFlags::new(u8::from(context.sampled())),
        false,
        state.unwrap_or_default(),
    )
}
