use std::time::SystemTime;

use minuet_envelope::TraceContext;

use crate::pipeline::{self, Pipeline};
use crate::span::Span;

/// How a service tells of its spans. Off, it costs a look at a pointer.
#[derive(Clone, Copy, Debug)]
pub struct Tracer {
    service: &'static str,
    pipeline: Option<&'static Pipeline>,
}

impl Tracer {
    /// `service` without its prefix: `order` is shown as `minuet-order`. Telemetry is set up before.
    pub fn of(service: &'static str) -> Self {
        Tracer { service, pipeline: pipeline::get().filter(|pipeline| pipeline.spans.is_some()) }
    }

    /// Whether spans of this trace are recorded.
    pub fn records(&self, trace: &TraceContext) -> bool {
        self.pipeline.is_some_and(|pipeline| pipeline.sampling.goes_on(trace))
    }

    pub fn is_on(&self) -> bool {
        self.pipeline.is_some()
    }

    /// A new span of a trace that goes on.
    pub fn child(&self, parent: &TraceContext) -> TraceContext {
        parent.under(random() as u64)
    }

    /// The span that a request is: in the trace that it came in, or the root of a new one. None: nobody records anything.
    pub fn request(&self, incoming: Option<&TraceContext>) -> Option<TraceContext> {
        let pipeline = self.pipeline?;
        Some(match incoming {
            Some(parent) => self.child(parent).with_sampled(pipeline.sampling.goes_on(parent)),
            None => self.root()?,
        })
    }

    /// The root of a new trace, which may be one that is not recorded.
    pub fn root(&self) -> Option<TraceContext> {
        let (pipeline, trace_id) = (self.pipeline?, random());
        Some(TraceContext::root(trace_id, random() as u64, pipeline.sampling.takes(trace_id)))
    }

    /// The root of a trace that is recorded since others that are have to do with it.
    pub fn companion(&self) -> TraceContext {
        TraceContext::root(random(), random() as u64, true)
    }

    /// A trace that came from somebody who does not know of traces: its id is given, the decision is ours.
    pub fn decided(&self, trace: &TraceContext) -> TraceContext {
        let takes = |pipeline: &Pipeline| {
            u128::from_str_radix(trace.trace_id(), 16).is_ok_and(|id| pipeline.sampling.takes(id))
        };
        match self.pipeline {
            Some(pipeline) => trace.with_sampled(takes(pipeline)),
            None => trace.clone(),
        }
    }

    /// This life of this process.
    pub fn instance(&self) -> Option<&'static str> {
        self.pipeline.map(|pipeline| pipeline.instance.as_str())
    }

    /// Tells of a span that is over.
    pub fn record(&self, span: Span) {
        if let Some(queue) = self.pipeline.and_then(|pipeline| pipeline.spans.as_ref()) {
            queue.push((self.service, span.0));
        }
    }

    pub fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A version 4 id has fixed bits in its middle: the halves' best bits are put together.
fn random() -> u128 {
    let (a, b) = (uuid::Uuid::new_v4().as_u128(), uuid::Uuid::new_v4().as_u128());
    a ^ b.rotate_left(64)
}
