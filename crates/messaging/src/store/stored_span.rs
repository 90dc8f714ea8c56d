//! The span of an event's decision, as the event's outbox row keeps it: an instance that publishes the row for another one
//! can report it.

use minuet_envelope::Contract;
use minuet_telemetry::Tracer;

use super::outbox_event::OutboxEvent;
use crate::observe::domain_spans::DomainSpans;

/// `<instance> <operation or -> <span above it>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSpan {
    pub(crate) instance: String,
    pub(crate) operation: Option<String>,
    pub(crate) parent: u64,
}

impl StoredSpan {
    /// `None`: the event's trace is not recorded.
    pub(crate) fn of<C: Contract>(
        tracer: &Tracer,
        spans: &dyn DomainSpans<C>,
        emission: &OutboxEvent<C>,
    ) -> Option<StoredSpan> {
        if !emission.is_recorded(tracer) {
            return None;
        }
        let operation = spans.operation(emission.envelope.event_type).map(str::to_owned);
        let parent = u64::from_str_radix(emission.parent()?.span_id(), 16).ok()?;
        Some(StoredSpan { instance: tracer.instance()?.to_owned(), operation, parent })
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {} {:016x}", self.instance, self.operation.as_deref().unwrap_or("-"), self.parent)
    }

    pub(crate) fn parse(text: &str) -> Option<StoredSpan> {
        let mut parts = text.split(' ');
        let (instance, operation, parent) = (parts.next()?, parts.next()?, parts.next()?);
        Some(StoredSpan {
            instance: instance.to_owned(),
            operation: (operation != "-").then(|| operation.to_owned()),
            parent: u64::from_str_radix(parent, 16).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_survives_its_line() {
        for operation in [None, Some("order.create".to_owned())] {
            let note = StoredSpan { instance: "abc".into(), operation, parent: 7 };
            assert_eq!(StoredSpan::parse(&note.text()), Some(note));
        }
        assert_eq!(StoredSpan::parse("abc"), None);
    }
}
