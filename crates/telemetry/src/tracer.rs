use minuet_envelope::TraceContext;

use crate::pipeline::{self, Pipeline};
use crate::span::Span;

/// Makes and records the spans of one service. If spans are not exported, each method costs one check of a pointer.
#[derive(Clone, Copy, Debug)]
pub struct Tracer {
    service: &'static str,
    pipeline: Option<&'static Pipeline>,
}

impl Tracer {
    /// `service` is the name without prefix: `order` is exported as `minuet-order`. Call [`crate::init`] before.
    pub fn of(service: &'static str) -> Self {
        Tracer { service, pipeline: pipeline::get().filter(|pipeline| pipeline.spans.is_some()) }
    }

    /// Whether spans of this trace are recorded.
    pub fn records(&self, trace: &TraceContext) -> bool {
        self.pipeline.is_some_and(|pipeline| pipeline.sampling.goes_on(trace))
    }

    /// Whether spans are exported at all.
    pub fn is_on(&self) -> bool {
        self.pipeline.is_some()
    }

    /// A new span of the parent's trace.
    pub fn child(&self, parent: &TraceContext) -> TraceContext {
        parent.under(random() as u64)
    }

    /// The server span of a request: in the trace that the request names, or the root of a new trace. `None`: spans are not
    /// exported.
    pub fn request(&self, incoming: Option<&TraceContext>) -> Option<TraceContext> {
        let pipeline = self.pipeline?;
        Some(match incoming {
            Some(parent) => self.child(parent).with_sampled(pipeline.sampling.goes_on(parent)),
            None => self.root()?,
        })
    }

    /// The root of a new trace. The sampling decides whether the trace is recorded. `None`: spans are not exported.
    pub fn root(&self) -> Option<TraceContext> {
        let (pipeline, trace_id) = (self.pipeline?, random());
        Some(TraceContext::root(trace_id, random() as u64, pipeline.sampling.takes(trace_id)))
    }

    /// The root of a new trace that is recorded whatever the sampling says: spans of recorded traces link to it.
    pub fn companion(&self) -> TraceContext {
        TraceContext::root(random(), random() as u64, true)
    }

    /// The same trace with the decision of this process: for a trace whose sender knows no sampling.
    pub fn decided(&self, trace: &TraceContext) -> TraceContext {
        let takes = |pipeline: &Pipeline| {
            u128::from_str_radix(trace.trace_id(), 16).is_ok_and(|id| pipeline.sampling.takes(id))
        };
        match self.pipeline {
            Some(pipeline) => trace.with_sampled(takes(pipeline)),
            None => trace.clone(),
        }
    }

    /// The id of this process; a restarted process has another one.
    pub fn instance(&self) -> Option<&'static str> {
        self.pipeline.map(|pipeline| pipeline.instance.as_str())
    }

    /// Exports a span that has ended. Never waits: a full queue drops the span, and counts it.
    pub fn record(&self, span: Span) {
        if let Some(queue) = self.pipeline.and_then(|pipeline| pipeline.spans.as_ref()) {
            queue.push((self.service, span.0));
        }
    }
}

/// A UUID of version 4 has fixed bits in its middle. Two of them, one rotated, give 128 random bits.
fn random() -> u128 {
    let (a, b) = (uuid::Uuid::new_v4().as_u128(), uuid::Uuid::new_v4().as_u128());
    a ^ b.rotate_left(64)
}
