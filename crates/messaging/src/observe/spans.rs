//! The spans of an event. They are recorded after the transaction has committed:
//!
//! ```text
//! send orders.intake            PRODUCER, by the publisher; its id is the one in the message's traceparent
//! └ process orders.intake       CONSUMER, one per message, linked to the span of its batch
//!   └ order.create              the decision of the domain
//!     └ send orders.events      PRODUCER, by the relay
//! ```
//!
//! Span ids are functions of the message's position and of the event's `ce_id`. A restarted process or another instance
//! therefore records the same spans, and every published event has a recorded parent. See docs/decisions/0020.

mod outbox;

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, SystemTime};

use minuet_envelope::validity::EARLIEST_TIME;
use minuet_envelope::{Contract, EventKind, Micros, ParkReason, TraceContext, trace};
use minuet_telemetry::names::attribute;
use minuet_telemetry::{Kind, Span, Tracer};
use uuid::Uuid;

use crate::observe::domain_spans::{DomainSpans, with_key_attribute};
use crate::observe::processing::Processing;
use crate::store::context::Core;
use crate::store::dead_letters::Reason;
use crate::store::dead_letters::redrive::StoredMessage;
use crate::{Content, Incoming, OutboxEvent, Received, ServiceContext};

pub(crate) use outbox::{Sent, relayed};

/// The span that sent the message and the one that processes it here. `None`: the trace is not recorded.
pub(crate) fn processing(core: &Core, incoming: &Incoming, sent: &TraceContext) -> Option<Processing> {
    let tracer = &core.tracer;
    if !tracer.is_on() {
        return None;
    }
    // Without a traceparent no sampling decision was made and there is no parent span.
    let decided = incoming.header("traceparent").is_some();
    let sender = if decided { Cow::Borrowed(sent) } else { Cow::Owned(tracer.decided(sent)) };
    if !tracer.records(&sender) {
        return None;
    }
    let position = &incoming.position;
    let id = trace::span_id(&[
        b"minuet.process",
        core.service.as_bytes(),
        position.topic.as_bytes(),
        &position.partition.to_be_bytes(),
        &position.offset.to_be_bytes(),
    ]);
    Some(Processing { context: sender.under(id), sender: decided.then(|| sender.into_owned()), parked: None })
}

/// As [`processing`] for a parked event: a new span for each redrive, linked to the span in which the event was parked.
pub(crate) fn redriving(
    core: &Core,
    incoming: &Incoming,
    sent: &TraceContext,
    parked_at: Micros,
) -> Option<Processing> {
    let first = processing(core, incoming, sent)?;
    let context = core.tracer.child(&first.context);
    Some(Processing { context, sender: first.sender, parked: Some((first.context, parked_at)) })
}

/// The span of the decision behind this event, from its begin to the commit.
fn decision_span<C: Contract>(
    spans: &dyn DomainSpans<C>,
    emission: &OutboxEvent<C>,
    begun: SystemTime,
    committed: SystemTime,
) -> Option<Span> {
    let name = spans.operation(emission.envelope.event_type)?;
    let step = Span::new(name, Kind::Internal, &emission.decision_span(), begun).until(committed);
    let step = match emission.parent() {
        Some(parent) => step.under(&parent),
        None => step,
    };
    Some(spans.describe(with_key_attribute::<C>(step, &emission.envelope.subject), &emission.event))
}

/// A failed attempt: when, and why.
pub(crate) type Failure = (SystemTime, String);

/// The spans of one transaction over many events, recorded after its end.
pub(crate) struct Batch<'a, C: Contract> {
    pub(crate) context: &'a ServiceContext<C>,
    /// The start of the batch, and the start of its last transaction.
    pub(crate) begun: SystemTime,
    pub(crate) opened: SystemTime,
    pub(crate) failures: &'a [Failure],
}

/// The result of processing an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessOutcome {
    Applied,
    NoOp,
    Duplicate,
    /// An earlier event of its key is parked. A redrive of this event records another span.
    Waits,
}

impl ProcessOutcome {
    fn name(self) -> &'static str {
        match self {
            ProcessOutcome::Applied => "applied",
            ProcessOutcome::NoOp => "no_op",
            ProcessOutcome::Duplicate => "duplicate",
            ProcessOutcome::Waits => ParkReason::WaitsBehind.code(),
        }
    }
}

impl<C: Contract> Batch<'_, C> {
    /// Records the spans of a batch. `events`: the recorded events with their results; `parked`: the parked messages
    /// with their reasons. The transaction's span is in a trace of the batch's own, since it belongs to all events.
    pub(crate) fn record<'e>(
        &self,
        events: &[(&Received<C>, ProcessOutcome)],
        parked: &[(&'e Incoming, &'e Reason)],
        emissions: &[OutboxEvent<C>],
        committed: SystemTime,
    ) {
        let aside = |(incoming, reason): &(&'e Incoming, &'e Reason)| {
            Some((processing(&self.context.core, incoming, &sender(incoming)?)?, *incoming, *reason))
        };
        self.record_all(events, &parked.iter().filter_map(aside).collect::<Vec<_>>(), emissions, committed);
    }

    /// Records that a redrive failed and the event stays parked.
    pub(crate) fn record_still_parked(&self, letter: &StoredMessage, reason: &Reason) {
        let StoredMessage { incoming, parked_at, .. } = letter;
        let sent = sender(incoming);
        if let Some(again) = sent.and_then(|sent| redriving(&self.context.core, incoming, &sent, *parked_at))
        {
            self.record_all(&[], &[(again, incoming, reason)], &[], SystemTime::now());
        }
    }

    fn record_all(
        &self,
        events: &[(&Received<C>, ProcessOutcome)],
        parked: &[(Processing, &Incoming, &Reason)],
        emissions: &[OutboxEvent<C>],
        committed: SystemTime,
    ) {
        let tracer = &self.context.core.tracer;
        if events.is_empty() && parked.is_empty() {
            return;
        }
        let batch = tracer.companion();
        let mut by_cause: HashMap<Uuid, Vec<&OutboxEvent<C>>> = HashMap::new();
        for emission in emissions {
            if let Some(cause) = emission.envelope.causation_id {
                by_cause.entry(cause).or_default().push(emission);
            }
        }
        for (received, outcome) in events {
            let (Some(processing), Content::Event(content)) = (&received.processing, &received.content)
            else {
                continue;
            };
            let envelope = &content.0;
            let mut span = self
                .process(&batch, processing, &received.incoming, committed)
                .with("messaging.message.id", envelope.id.to_string())
                .with(attribute::EVENT, envelope.event_type.name())
                .with(attribute::OUTCOME, outcome.name());
            let emitted = by_cause.get(&envelope.id).map(Vec::as_slice).unwrap_or_default();
            for emission in emitted.iter().copied() {
                let other_trace = emission.envelope.trace.trace_id() != processing.context.trace_id();
                let mut step = decision_span(&*self.context.spans, emission, self.opened, committed);
                if other_trace {
                    // The event stays in the trace of its key and links to the request's trace, and the other way
                    // round.
                    step = step.map(|step| step.link(&processing.context, "request"));
                    span = span.link(&emission.decision_span(), "order");
                }
                step.into_iter().for_each(|step| tracer.record(step));
            }
            tracer.record(span);
            let quiet = *outcome == ProcessOutcome::Applied && emitted.is_empty();
            if quiet && let Some(name) = self.context.spans.silent() {
                let context = processing.context.under(trace::span_id(&[
                    b"minuet.step",
                    envelope.id.as_bytes(),
                    name.as_bytes(),
                ]));
                let step = Span::new(name, Kind::Internal, &context, self.opened)
                    .until(committed)
                    .under(&processing.context);
                let step = self.context.spans.describe(step, &content.1);
                tracer.record(with_key_attribute::<C>(step, &C::key(&content.1)));
            }
        }
        for (processing, incoming, reason) in parked {
            let span = self
                .process(&batch, processing, incoming, committed)
                .with(attribute::OUTCOME, "parked")
                .failed_with(reason.code.code(), reason.storable());
            tracer.record(span);
        }
        let count = i64::try_from(events.len() + parked.len()).unwrap_or(i64::MAX);
        tracer.record(
            Span::new(format!("batch {}", self.context.core.service), Kind::Internal, &batch, self.begun)
                .until(committed)
                .with("messaging.batch.message_count", count),
        );
        tracer.record(
            database(&self.context.core, "transaction", &tracer.child(&batch), self.opened)
                .until(committed)
                .under(&batch),
        );
    }

    fn process(&self, batch: &TraceContext, to: &Processing, incoming: &Incoming, end: SystemTime) -> Span {
        let position = &incoming.position;
        let topic = self.context.core.topic_of(incoming);
        let span = Span::new(format!("process {}", topic.plain()), Kind::Consumer, &to.context, self.begun)
            .until(end)
            .link(batch, "batch")
            .with("messaging.system", "kafka")
            .with("messaging.operation.type", "process")
            .with("messaging.operation.name", "process")
            .with("messaging.destination.name", position.topic.to_string())
            .with("messaging.destination.partition.id", position.partition.to_string())
            .with("messaging.kafka.offset", position.offset)
            .with("messaging.consumer.group.name", self.context.core.service);
        let span = match &to.parked {
            Some((then, at)) => {
                span.link(then, "parked").with(attribute::PARKED_WAIT_MS, millis(*at, self.begun))
            }
            // A stranger's time of 1970 is no wait.
            None if incoming.timestamp < EARLIEST_TIME => span,
            None => span.with(attribute::TOPIC_WAIT_MS, millis(incoming.timestamp, self.begun)),
        };
        let span = match incoming.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()) {
            Some(key) => {
                with_key_attribute::<C>(span.with("messaging.kafka.message.key", key.to_owned()), key)
            }
            None => span,
        };
        let span = match &to.sender {
            Some(sender) => span.under_remote(sender),
            None => span,
        };
        self.failures.iter().fold(span, |span, (at, error)| {
            span.event("retry", *at, [("exception.message", error.clone().into())])
        })
    }
}

impl<C: Contract> ServiceContext<C> {
    /// The span of the decision behind an event, from `begun` to now. `None`: the trace is not recorded.
    pub fn decision_span(&self, event: &OutboxEvent<C>, begun: SystemTime) -> Option<Span> {
        let recorded = event.is_recorded(&self.core.tracer);
        recorded.then(|| decision_span(&*self.spans, event, begun, SystemTime::now())).flatten()
    }
}

/// Records the decisions of a sweep, each under the span that is stored in its row.
pub(crate) fn record_sweep<C: Contract>(
    context: &ServiceContext<C>,
    emissions: &[OutboxEvent<C>],
    begun: SystemTime,
) {
    for step in emissions.iter().filter_map(|emission| context.decision_span(emission, begun)) {
        context.core.tracer.record(step);
    }
}

/// A database span after the semantic conventions.
pub(crate) fn database(
    core: &Core,
    operation: &'static str,
    context: &TraceContext,
    begun: SystemTime,
) -> Span {
    let options = core.pool().connect_options();
    let name = options.get_database().unwrap_or_default();
    Span::new(format!("{operation} {name}"), Kind::Client, context, begun)
        .with("db.system.name", "postgresql")
        .with("db.operation.name", operation)
        .with("db.namespace", name.to_owned())
}

/// The sender's trace context from the headers, for messages that cannot be decoded.
fn sender(incoming: &Incoming) -> Option<TraceContext> {
    let text = |name| incoming.header(name).and_then(|value| std::str::from_utf8(value).ok());
    TraceContext::parse(text("traceparent")?, text("tracestate"), text("baggage"))
}

/// Milliseconds from one time to the other. Never negative, since clocks of two machines differ.
pub(crate) fn millis(from: Micros, to: SystemTime) -> i64 {
    let waited = to.duration_since(time_of(from)).unwrap_or(Duration::ZERO);
    i64::try_from(waited.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time_of(micros: Micros) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(micros.0).unwrap_or_default())
}

/// Records the span of a direct publication.
pub(crate) fn published<C: Contract>(tracer: &Tracer, sent: Sent<'_>, error: Option<&(dyn Error + 'static)>) {
    let mut span = outbox::producer(&sent, C::key_attribute);
    if let Some(parent) = minuet_telemetry::current().filter(|now| now.trace_id() == sent.trace.trace_id()) {
        span = span.under(&parent);
    }
    tracer.record(match error {
        Some(error) => span.failed("kafka", error),
        None => span,
    });
}
