//! Messages as rows of comma-separated values (RFC 4180).

use std::io::{self, Write};

use crate::full_message::FullMessage;
use crate::record::Topics;

pub(crate) const COLUMNS: &[&str] = &[
    "topic",
    "partition",
    "offset",
    "timestamp",
    "type",
    "key",
    "ce_id",
    "ce_source",
    "ce_time",
    "ce_causationid",
    "ce_sequence",
    "traceparent",
    "value",
];

/// One row, in the order of [`COLUMNS`].
pub(crate) fn row(message: &FullMessage, topics: &Topics, out: &mut dyn Write) -> io::Result<()> {
    let header = |name: &str| message.header(name).unwrap_or_default().to_owned();
    let event_type = match (&message.content, message.record()) {
        (_, Some((head, _))) => head.event_type.name(),
        (Err(malformed), _) => malformed.code,
        (Ok(_), None) => "",
    };
    let fields = [
        topics.name(message.position).to_owned(),
        message.position.partition.to_string(),
        message.position.offset.to_string(),
        message.timestamp.to_string(),
        event_type.to_owned(),
        message.key(),
        header("ce_id"),
        header("ce_source"),
        header("ce_time"),
        header("ce_causationid"),
        header("ce_sequence"),
        header("traceparent"),
        message.value().to_string(),
    ];
    let quoted: Vec<String> = fields.into_iter().map(quoted).collect();
    writeln!(out, "{}", quoted.join(","))
}

fn quoted(field: String) -> String {
    let plain = !field.contains(['"', ',', '\n', '\r']);
    if plain { field } else { format!("\"{}\"", field.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_a_field_holds_ends_no_field() {
        for (field, wanted) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(quoted(field.to_owned()), wanted);
        }
    }
}
