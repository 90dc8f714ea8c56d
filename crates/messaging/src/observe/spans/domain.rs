//! The domain's own spans: each names what the service did before an event was emitted.

use std::time::SystemTime;

use minuet_envelope::Contract;
use minuet_telemetry::{Kind, Span};

use crate::OutboxEvent;

/// How a service's decisions look in a trace. The default: no spans of the domain's own.
pub trait DomainSpans<C: Contract>: Send + Sync + 'static {
    /// The name of the span under which an event of this kind is emitted. `None`: no span.
    fn operation(&self, _emitted: C::Kind) -> Option<&'static str> {
        None
    }

    /// The name of the span of an event that changed the service's state and emitted nothing. `None`: no span.
    fn silent(&self) -> Option<&'static str> {
        None
    }

    /// Adds what the event says to the span: attributes, and an error where the event is a refusal.
    fn describe(&self, span: Span, _event: &C::Event) -> Span {
        span
    }
}

/// No spans of the domain's own.
impl<C: Contract> DomainSpans<C> for () {}

/// The span of the decision that led to this event, from its beginning to its commit.
pub(crate) fn told<C: Contract>(
    spans: &dyn DomainSpans<C>,
    emission: &OutboxEvent<C>,
    begun: SystemTime,
    committed: SystemTime,
) -> Option<Span> {
    let name = spans.operation(emission.envelope.event_type)?;
    let step = Span::new(name, Kind::Internal, &emission.step(), begun).until(committed);
    let step = match emission.parent() {
        Some(parent) => step.under(&parent),
        None => step,
    };
    Some(spans.describe(keyed::<C>(step, &emission.envelope.subject), &emission.event))
}

/// Names the key's subject, if the contract has an attribute for it.
pub(super) fn keyed<C: Contract>(span: Span, key: &str) -> Span {
    named(span, key, C::key_attribute)
}

/// As [`keyed`], where the contract is known only by its function.
pub(super) fn named(span: Span, key: &str, attribute: KeyAttribute) -> Span {
    match attribute(key) {
        Some(name) => span.with(name, key.to_owned()),
        None => span,
    }
}

/// [`Contract::key_attribute`].
pub(crate) type KeyAttribute = fn(&str) -> Option<&'static str>;
