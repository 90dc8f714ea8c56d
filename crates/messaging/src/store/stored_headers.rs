//! The headers of an outbox row: one text column with a line per header (`name: value`), readable for people and cheap
//! to write.

use minuet_envelope::{Envelope, EventKind};

/// Usual size of an event's headers, in bytes.
const USUAL_BYTES: usize = 768;

/// The line that is not published: the spans of the event's decision.
const SPAN_LINE: &str = "minuet-trace";

/// The headers of an outbox row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHeaders(String);

impl StoredHeaders {
    /// The event's headers, and the text of its stored span if its trace is recorded.
    pub(crate) fn new<K: EventKind>(envelope: &Envelope<K>, span: Option<&str>) -> Self {
        let mut lines = String::with_capacity(USUAL_BYTES);
        envelope.each_header(|name, value| add_line(&mut lines, name, value));
        if let Some(span) = span {
            add_line(&mut lines, SPAN_LINE, span);
        }
        StoredHeaders(lines)
    }

    /// From the column's text.
    pub fn from_row(lines: String) -> Self {
        StoredHeaders(lines)
    }

    /// The column's text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The headers that are published, in their order.
    pub fn published(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines().filter(|(name, _)| *name != SPAN_LINE)
    }

    /// The value of the first header of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The text of the stored span.
    pub(crate) fn span(&self) -> Option<&str> {
        self.get(SPAN_LINE)
    }

    fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines().filter_map(|line| line.split_once(": "))
    }
}

/// Removes control characters: a line break would begin another header.
fn add_line(lines: &mut String, name: &str, value: &str) {
    lines.push_str(name);
    lines.push_str(": ");
    match value.is_ascii() && !value.bytes().any(|b| b.is_ascii_control()) {
        true => lines.push_str(value),
        false => lines.extend(value.chars().filter(|c| !c.is_control())),
    }
    lines.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_their_column() {
        let headers = [("ce_id", "1"), ("baggage", "order.id=2,a: b"), ("odd", "x\ny"), (SPAN_LINE, "s")];
        let mut lines = String::new();
        headers.iter().for_each(|(name, value)| add_line(&mut lines, name, value));
        let stored = StoredHeaders::from_row(lines);
        let published: Vec<_> = stored.published().collect();
        assert_eq!(published, [("ce_id", "1"), ("baggage", "order.id=2,a: b"), ("odd", "xy")]);
        assert_eq!((stored.span(), stored.get("none")), (Some("s"), None));
    }
}
