//! A trace in a readable form: what hangs under what.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::span::{Span, SpanKind};

/// The spans of one trace by depth, each after its parent, siblings by what they are: so that two trees can be compared.
#[derive(Clone, Debug)]
pub struct Tree {
    pub rows: Vec<(usize, Span)>,
    /// Spans whose parent is not there.
    pub orphans: Vec<Span>,
}

impl Tree {
    pub fn of(spans: Vec<Span>) -> Tree {
        let known: HashSet<String> = spans.iter().map(|span| span.span_id.clone()).collect();
        let (mut children, mut tops, mut orphans) = (HashMap::<String, Vec<Span>>::new(), vec![], vec![]);
        for span in spans {
            if span.parent_id.is_empty() {
                tops.push(span);
            } else if known.contains(&span.parent_id) {
                children.entry(span.parent_id.clone()).or_default().push(span);
            } else {
                orphans.push(span.clone());
                tops.push(span);
            }
        }
        let mut rows = Vec::new();
        sort(&mut tops);
        for top in tops {
            grow(top, 0, &mut children, &mut rows);
        }
        Tree { rows, orphans }
    }

    pub fn roots(&self) -> usize {
        self.rows.iter().filter(|(_, span)| span.parent_id.is_empty()).count()
    }
}

/// By kind of thing, not by time: which of two services is first is chance.
fn sort(spans: &mut [Span]) {
    spans.sort_by(|a, b| (&a.name, &a.service, a.start).cmp(&(&b.name, &b.service, b.start)));
}

fn grow(span: Span, depth: usize, children: &mut HashMap<String, Vec<Span>>, rows: &mut Vec<(usize, Span)>) {
    let mut under = children.remove(&span.span_id).unwrap_or_default();
    sort(&mut under);
    rows.push((depth, span));
    for span in under {
        grow(span, depth + 1, children, rows);
    }
}

impl fmt::Display for Tree {
    /// `  send orders.intake PRODUCER gateway [batch] !card_declined`: name, kind, service, links, error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, span) in &self.rows {
            let kind = match span.kind {
                SpanKind::Internal => "",
                SpanKind::Server => " SERVER",
                SpanKind::Client => " CLIENT",
                SpanKind::Producer => " PRODUCER",
                SpanKind::Consumer => " CONSUMER",
            };
            let service = span.service.strip_prefix("minuet-").unwrap_or(&span.service);
            write!(f, "{:indent$}{}{kind} {service}", "", span.name, indent = depth * 2)?;
            for (_, _, why) in &span.links {
                write!(f, " [{why}]")?;
            }
            if let Some(error) = &span.error {
                write!(f, " !{error}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
