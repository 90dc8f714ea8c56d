//! `audit replay export`: events between two points, for analysts and for `minuet produce`.

use std::fs::File;
use std::io::{self, BufWriter, Write, stderr};

use crate::args::Export;
use crate::decode::Decoder;
use crate::full_message::FullMessage;
use crate::log::{Log, Point};
use crate::record::Topics;
use crate::tail::{Filter, Showing, Style};
use crate::{AuditError, Context, Outcome};

const COLUMNS: &[&str] = &[
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

pub(crate) fn run(export: &Export, context: &Context, out: &mut dyn Write) -> Result<Outcome, AuditError> {
    let log = Log::open(context)?;
    let selection = log.select(&export.range.wanted(Point::Beginning, Some(&export.select)), context)?;
    selection.survey.stands(export.strict)?;
    let decoder = Decoder { codec: &context.codec, catalogue: &context.catalogue, runtime: &context.runtime };
    let mut file = export.output.as_deref().map(create).transpose()?;
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => out,
    };
    if export.csv {
        writeln!(out, "{}", COLUMNS.join(",")).map_err(AuditError::Write)?;
    }
    let mut showing = Showing {
        filter: Filter::new(&export.select),
        style: if export.csv { Style::Csv } else { Style::Json },
        topics: &log.topics,
        left: export.select.count,
        strict: export.strict,
        shown: 0,
        malformed: 0,
        out,
    };
    showing.all(&log, &selection, &decoder)?;
    showing.out.flush().map_err(AuditError::Write)?;
    selection.survey.note();
    // Where nobody sees stderr, nobody misses it.
    drop(writeln!(stderr(), "{} events given out, {} of them odd", showing.shown, showing.malformed));
    Ok(Outcome::Holds)
}

fn create(path: &std::path::Path) -> Result<BufWriter<File>, AuditError> {
    let file = File::create(path);
    file.map(BufWriter::new).map_err(|source| AuditError::Create { path: path.to_owned(), source })
}

/// A row, as RFC 4180 has it.
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
