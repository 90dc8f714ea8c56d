//! The span of an event's decision, as the event's outbox row keeps it: an instance that publishes the row for another one
//! can report it.

use minuet_envelope::Contract;
use minuet_telemetry::Tracer;

use super::outbox_event::OutboxEvent;
use crate::observe::domain_spans::DomainSpans;

/// `<instance> <operation or -> <span above it>`, and for the event of a redriven one the span in which that was parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSpan {
    pub(crate) instance: String,
    pub(crate) operation: Option<String>,
    pub(crate) parent: u64,
    /// The parent if the writer died before it recorded the other one.
    pub(crate) recorded_above: Option<u64>,
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
        let recorded_above = emission.recorded_above();
        Some(StoredSpan { instance: tracer.instance()?.to_owned(), operation, parent, recorded_above })
    }

    pub(crate) fn text(&self) -> String {
        let above = self.recorded_above.map(|span| format!(" {span:016x}")).unwrap_or_default();
        format!("{} {} {:016x}{above}", self.instance, self.operation.as_deref().unwrap_or("-"), self.parent)
    }

    pub(crate) fn parse(text: &str) -> Option<StoredSpan> {
        let mut parts = text.split(' ');
        let (instance, operation, parent) = (parts.next()?, parts.next()?, parts.next()?);
        Some(StoredSpan {
            instance: instance.to_owned(),
            operation: (operation != "-").then(|| operation.to_owned()),
            parent: u64::from_str_radix(parent, 16).ok()?,
            recorded_above: parts.next().and_then(|span| u64::from_str_radix(span, 16).ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_survives_its_line() {
        for (operation, recorded_above) in [(None, None), (Some("order.create".to_owned()), Some(9))] {
            let note = StoredSpan { instance: "abc".into(), operation, parent: 7, recorded_above };
            assert_eq!(StoredSpan::parse(&note.text()), Some(note));
        }
        assert_eq!(StoredSpan::parse("abc"), None);
    }
}
