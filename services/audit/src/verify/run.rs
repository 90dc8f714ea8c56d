//! Reads the topics into the books, and says what holds.

use std::io::Write;
use std::ops::ControlFlow;

use super::books::{Books, Rules};
use super::databases::Comparison;
use super::keeping::{Keeping, decode, now};
use super::report::{Report, write_json, write_text};
use super::snapshot::Snapshot;
use super::{follow, snapshot};
use crate::args::Verify;
use crate::decode::Decoder;
use crate::log::{Log, Point, Selection};
use crate::progress::Progress;
use crate::{AuditError, Context, Outcome};

pub(crate) fn run(verify: &Verify, context: &Context, out: &mut dyn Write) -> Result<Outcome, AuditError> {
    let log = Log::open(context)?;
    let wanted = verify.range.wanted(Point::Beginning, None);
    let mut selection = log.select(&wanted, context)?;
    let begun = verify.snapshot.as_deref().map(|path| Snapshot::open(path, &log)).transpose()?;
    let books = match begun {
        Some(snapshot) => snapshot.continue_in(&mut selection, &log.topics)?,
        None => Books::new(Rules {
            deadline: verify.deadline,
            remember: verify.remember,
            truncated: wanted.from != Point::Beginning || !selection.survey.truncated.is_empty(),
        }),
    };
    selection.survey.stands(verify.strict)?;
    let decoder = Decoder { codec: &context.codec, catalogue: &context.catalogue, runtime: &context.runtime };
    let mut keeping = Keeping { books, topics: &log.topics, strict: verify.strict };
    if verify.against_databases {
        keeping.books.forgotten_orders = Some(Vec::new());
    }
    let mut comparison = verify.against_databases.then(|| Comparison::begin(context)).transpose()?;

    let mut progress = Progress::new(selection.messages());
    log.read(
        &selection,
        |message, position| decode(&decoder, &log.topics, message, position),
        |read| {
            keeping.take(read)?;
            if let Some(comparison) = &mut comparison {
                comparison.seen(&mut keeping.books)?;
            }
            progress.tick();
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let speed = progress.end();

    if let Some(path) = &verify.save_snapshot {
        snapshot::save(path, &keeping.books, &selection, &log.topics)?;
    }
    if verify.follow {
        return follow::run(verify, context, &log, &selection, &decoder, keeping, out);
    }
    let mut books = keeping.books;
    let now = wanted.until.unwrap_or_else(now);
    let open = books.open(now);
    let written_meanwhile = written_meanwhile(&log, &selection)?;
    if written_meanwhile == 0 {
        books.end(now)
    } else {
        books.end_midway(now)
    }
    let compared =
        comparison.map(|comparison| comparison.end(&log, &mut books, written_meanwhile == 0)).transpose()?;
    let report = Report {
        books: &books,
        topics: &log.topics,
        survey: &selection.survey,
        open,
        speed,
        written_meanwhile,
        compared,
    };
    let written = if verify.json { write_json(&report, out) } else { write_text(&report, out) };
    written.and_then(|()| out.flush()).map_err(AuditError::Write)?;
    Ok(if books.findings.total() == 0 { Outcome::Holds } else { Outcome::Differs })
}

/// Messages that came while the others were read.
fn written_meanwhile(log: &Log, selection: &Selection) -> Result<i64, AuditError> {
    let partitions: Vec<_> =
        selection.slices.iter().map(|slice| (std::sync::Arc::clone(&slice.topic), slice.partition)).collect();
    let ends = log.reader.bounds(&partitions)?;
    Ok(ends.iter().zip(&selection.slices).map(|(kept, slice)| (kept.end - slice.offsets.end).max(0)).sum())
}
