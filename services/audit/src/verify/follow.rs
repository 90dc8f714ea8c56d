//! The books of what comes from now on: violations as they are found, and the counts as metrics.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::keeping::{Keeping, decode, now};
use super::metrics::Metrics;
use crate::args::Verify;
use crate::decode::Decoder;
use crate::log::{Log, Selection};
use crate::record::Position;
use crate::{AuditError, Context, Outcome};

const PAUSE: Duration = Duration::from_millis(200);
/// How often the counts are shown anew.
const SHOW: Duration = Duration::from_secs(1);
/// How often the broker is asked for the ends.
const ASK: Duration = Duration::from_secs(10);

/// Ends with the process, or where the output goes nowhere any more.
pub(super) fn run(
    verify: &Verify,
    context: &Context,
    log: &Log,
    selection: &Selection,
    decoder: &Decoder<'_>,
    mut keeping: Keeping<'_>,
    out: &mut dyn Write,
) -> Result<Outcome, AuditError> {
    let metrics = Metrics::default();
    if let Some(address) = verify.metrics {
        let address = metrics.serve(address, context)?;
        writeln!(out, "metrics at http://{address}/metrics").map_err(AuditError::Write)?;
    }
    let from: Vec<_> = selection
        .slices
        .iter()
        .map(|slice| ((Arc::clone(&slice.topic), slice.partition), slice.offsets.end))
        .collect();
    let partitions: Vec<_> = from.iter().map(|(partition, _)| partition.clone()).collect();
    let mut next: Vec<i64> = from.iter().map(|(_, offset)| *offset).collect();
    let (mut told, mut lag) = (0, 0);
    let (mut shown, mut asked): (Option<Instant>, Option<Instant>) = (None, None);
    let mut failed = None;
    log.reader.live(&from, PAUSE, |message| {
        let step = || -> Result<(), AuditError> {
            if let Some(message) = message {
                let position = Position { offset: message.offset, ..selection.positions[message.slice] };
                next[message.slice] = message.offset + 1;
                keeping.take(decode(decoder, &log.topics, &message, position))?;
            }
            if shown.is_some_and(|at| at.elapsed() < SHOW) {
                return Ok(());
            }
            shown = Some(Instant::now());
            if asked.is_none_or(|at| at.elapsed() > ASK) {
                asked = Some(Instant::now());
                // Away: what was known last has to do.
                if let Ok(bounds) = log.reader.bounds(&partitions) {
                    lag = bounds.iter().zip(&next).map(|(kept, next)| (kept.end - next).max(0)).sum();
                }
            }
            metrics.show(&keeping.books, now(), lag);
            for violation in keeping.books.findings.kept.iter().skip(told) {
                writeln!(out, "{}", violation.show(&log.topics)).map_err(AuditError::Write)?;
            }
            told = keeping.books.findings.kept.len();
            out.flush().map_err(AuditError::Write)
        };
        match step() {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map_or(Ok(Outcome::Differs), Err)
}
