//! The domain's own spans: each names what the service did before an event was emitted.

use minuet_envelope::Contract;
use minuet_telemetry::Span;

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

/// Adds the attribute that the contract has for this key, if any.
pub(crate) fn with_key_attribute<C: Contract>(span: Span, key: &str) -> Span {
    with_attribute(span, key, C::key_attribute)
}

/// As [`with_key_attribute`], for callers that know only this function of the contract.
pub(crate) fn with_attribute(span: Span, key: &str, attribute: KeyAttribute) -> Span {
    match attribute(key) {
        Some(name) => span.with(name, key.to_owned()),
        None => span,
    }
}

/// [`Contract::key_attribute`].
pub(crate) type KeyAttribute = fn(&str) -> Option<&'static str>;
