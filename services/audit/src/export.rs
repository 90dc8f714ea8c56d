//! `audit replay export`: events between two points, for analysts and for `minuet produce`.

use std::fs::File;
use std::io::{BufWriter, Write, stderr};

use crate::args::Export;
use crate::csv::COLUMNS;
use crate::decode::Decoder;
use crate::log::{Log, Point};
use crate::tail::{Filter, Showing, Style};
use crate::{AuditError, Context, Outcome};

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
