//! A span that is recorded once it has ended. A trace that is not recorded allocates no span. The caller chooses the span's id,
//! so that a message can name its parent before the parent's span has ended.

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
use crate::subject_names;

/// What a span is: server, client, producer, consumer or internal.
pub use opentelemetry::trace::SpanKind as Kind;

/// A span that has ended, or is about to. [`crate::Tracer::record`] takes it.
///
/// ```
/// use std::time::SystemTime;
/// use minuet_telemetry::{Kind, Span, TraceContext};
///
/// let parent = TraceContext::root(7, 8, true);
/// let own = parent.under(9);
/// let span = Span::new("payment.refund", Kind::Internal, &own, SystemTime::now())
///     .under(&parent)
///     .with("payment.id", "p-1")
///     .until(SystemTime::now());
/// ```
#[derive(Clone, Debug)]
pub struct Span(pub(crate) SpanData);

impl Span {
    /// `context` names the span itself. A subject in its baggage becomes an attribute.
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
        if let Some(names) = subject_names::names()
            && let Some(subject) = context.baggage_entry(names.attribute)
        {
            span.0.attributes.push(KeyValue::new(names.attribute, subject.to_owned()));
        }
        span
    }

    /// Sets the parent: a span of this process.
    #[must_use]
    pub fn under(mut self, parent: &TraceContext) -> Self {
        self.0.parent_span_id = span_id_of(parent);
        self
    }

    /// Sets the parent: a span of another process.
    #[must_use]
    pub fn under_remote(self, parent: &TraceContext) -> Self {
        let mut span = self.under(parent);
        span.0.parent_span_is_remote = true;
        span
    }

    /// Adds an attribute, as [`Span::set`] does.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets an attribute; a value that the key had before is replaced.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        let new = KeyValue::new(key, value);
        match self.0.attributes.iter_mut().find(|known| known.key == new.key) {
            Some(known) => *known = new,
            None => self.0.attributes.push(new),
        }
    }

    /// Names the subject of the span, if [`crate::init`] gave subjects a name.
    pub fn set_subject(&mut self, subject: String) {
        if let Some(names) = subject_names::names() {
            self.set(names.attribute, subject);
        }
    }

    /// Adds a link to a span that is no parent. `why` says what that span is to this one.
    #[must_use]
    pub fn link(mut self, to: &TraceContext, why: &'static str) -> Self {
        let attributes = vec![KeyValue::new(attribute::LINK, why)];
        self.0.links.links.push(Link::new(span_context(to), attributes, 0));
        self
    }

    /// Adds an event: something that happened during the span.
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

    /// Marks the span as failed: the status, `error.type`, and an event `exception` with the error and its causes.
    #[must_use]
    pub fn failed(self, kind: impl Into<Value>, error: &(dyn Error + 'static)) -> Self {
        self.failed_with(kind, error_chain(error))
    }

    /// As [`Span::failed`], for a failure that is no error of this program: a refusal, with its reason.
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

    /// The same span under another id. `context` names it.
    #[must_use]
    pub fn renamed(mut self, context: &TraceContext) -> Self {
        self.0.span_context = span_context(context);
        self
    }

    /// Sets the end. An end before the start becomes the start: the clock may have been set back.
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
