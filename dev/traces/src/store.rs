use std::collections::{HashMap, VecDeque};

use parking_lot::{Mutex, MutexGuard};

use crate::span::{LogLine, Span};

/// Traces, log lines: the oldest go when there are more.
const MOST_TRACES: usize = 10_000;
const MOST_SPANS: usize = 200_000;
const MOST_LINES: usize = 20_000;

/// What was received last.
#[derive(Debug, Default)]
pub struct Store(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    traces: HashMap<String, Vec<Span>>,
    /// Traces in the order of their first span.
    order: VecDeque<String>,
    spans: usize,
    lines: VecDeque<LogLine>,
    received: u64,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock()
    }

    pub fn add(&self, spans: impl IntoIterator<Item = Span>) {
        let mut kept = self.lock();
        let kept = &mut *kept;
        for span in spans {
            kept.received += 1;
            kept.spans += 1;
            let trace = kept.traces.entry(span.trace_id.clone()).or_default();
            if trace.is_empty() {
                kept.order.push_back(span.trace_id.clone());
            }
            trace.push(span);
        }
        while kept.order.len() > MOST_TRACES || (kept.spans > MOST_SPANS && kept.order.len() > 1) {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.spans -= kept.traces.remove(&oldest).map_or(0, |spans| spans.len());
        }
    }

    pub(crate) fn add_lines(&self, lines: impl IntoIterator<Item = LogLine>) {
        let mut kept = self.lock();
        kept.lines.extend(lines);
        let surplus = kept.lines.len().saturating_sub(MOST_LINES);
        kept.lines.drain(..surplus);
    }

    /// A trace's spans, as they came in. A span may have come twice: its second telling is left out, and one that was told
    /// by another instance gives way to the first-hand one.
    pub fn trace(&self, trace_id: &str) -> Vec<Span> {
        let mut spans = self.lock().traces.get(trace_id).cloned().unwrap_or_default();
        spans.sort_by_key(|span| span.attribute("minuet.recovered").is_some());
        let mut seen = std::collections::HashSet::new();
        spans.retain(|span| seen.insert(span.span_id.clone()));
        spans
    }

    /// All traces in which an order is named, the oldest first.
    pub fn traces_of(&self, order: &str) -> Vec<String> {
        let kept = self.lock();
        let names = |span: &Span| span.attribute("order.id") == Some(order);
        kept.order.iter().filter(|id| kept.traces[*id].iter().any(names)).cloned().collect()
    }

    /// The newest traces that are wanted, for a list.
    pub(crate) fn latest(&self, most: usize, wanted: impl Fn(&[Span]) -> bool) -> Vec<Vec<Span>> {
        let kept = self.lock();
        let traces = kept.order.iter().rev().map(|id| &kept.traces[id]).filter(|spans| wanted(spans));
        traces.take(most).cloned().collect()
    }

    pub fn spans(&self) -> Vec<Span> {
        self.lock().traces.values().flatten().cloned().collect()
    }

    pub fn lines(&self) -> Vec<LogLine> {
        self.lock().lines.iter().cloned().collect()
    }

    /// How many spans came in since the start.
    pub fn received(&self) -> u64 {
        self.lock().received
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::SpanKind;

    fn span(trace: usize) -> Span {
        Span {
            trace_id: format!("{trace:032x}"),
            span_id: "1".into(),
            parent_id: String::new(),
            service: "s".into(),
            name: "n".into(),
            kind: SpanKind::Internal,
            start: 0,
            end: 0,
            attributes: vec![],
            links: vec![],
            events: vec![],
            error: None,
        }
    }

    #[test]
    fn the_oldest_traces_go() {
        let store = Store::default();
        store.add((0..=MOST_TRACES).map(span));
        assert!(store.trace(&format!("{:032x}", 0)).is_empty());
        assert_eq!(store.trace(&format!("{MOST_TRACES:032x}")).len(), 1);
        assert_eq!(store.received(), MOST_TRACES as u64 + 1);
    }

    #[test]
    fn a_span_that_was_told_for_another_gives_way() {
        let store = Store::default();
        let recovered = Span { attributes: vec![("minuet.recovered".into(), "true".into())], ..span(7) };
        store.add([recovered, span(7)]);
        assert_eq!(store.trace(&format!("{:032x}", 7)), [span(7)]);
    }
}
