//! Parked events in words and columns, or as JSON lines.

use std::io::{self, Write};

use minuet_messaging::{DeadLetter, DeadLetterDetail, DeadLetterState, RedriveOutcome, Redriven};
use minuet_text::escape::escaped_line;
use serde_json::{Value, json};

/// So much of a payload that is no record is shown to a person; `-J` has all of it.
const MAX_SHOWN_HEX_DIGITS: usize = 512;

pub(super) struct Printer<W> {
    out: W,
    json: bool,
    rows: Vec<[String; 8]>,
}

const COLUMNS: [&str; 8] = ["SERVICE", "ID", "PARKED", "WHERE", "KEY", "REASON", "TRIED", "STATE"];

impl<W: Write> Printer<W> {
    pub(super) fn new(out: W, json: bool) -> Self {
        Printer { out, json, rows: Vec::new() }
    }

    pub(super) fn rows(&mut self, service: &str, letters: &[DeadLetter]) -> io::Result<()> {
        for letter in letters {
            if self.json {
                self.line(service, json!(letter))?;
            } else {
                self.rows.push([
                    service.to_owned(),
                    letter.id.to_string(),
                    seconds(&letter.parked_at.to_string()),
                    letter.position().to_string(),
                    plain(&letter.key),
                    letter.reason.clone(),
                    letter.attempts.to_string(),
                    letter.state.name().to_owned(),
                ]);
            }
        }
        Ok(())
    }

    /// The table, once all of it is known.
    pub(super) fn end(mut self) -> io::Result<()> {
        if !self.json {
            if self.rows.is_empty() {
                writeln!(self.out, "nothing is parked")?;
            } else {
                let header = COLUMNS.map(str::to_owned);
                let mut widths = [0; 8];
                for row in std::iter::once(&header).chain(&self.rows) {
                    for (width, cell) in widths.iter_mut().zip(row) {
                        *width = (*width).max(cell.chars().count());
                    }
                }
                for row in std::iter::once(&header).chain(&self.rows) {
                    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
                    writeln!(self.out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
                }
            }
        }
        self.out.flush()
    }

    pub(super) fn whole(&mut self, service: &str, whole: &DeadLetterDetail) -> io::Result<()> {
        if self.json {
            self.line(service, json!(whole))?;
            return self.out.flush();
        }
        let DeadLetterDetail { letter, event_type, headers, value, odd, .. } = whole;
        let out = &mut self.out;
        writeln!(out, "{service} {}: {}", letter.id, letter.state.name())?;
        writeln!(out, "where     {}", letter.position())?;
        writeln!(out, "key       {}", plain(&letter.key))?;
        writeln!(
            out,
            "parked    {}, tried {} times",
            seconds(&letter.parked_at.to_string()),
            letter.attempts
        )?;
        writeln!(out, "reason    {}: {}", letter.reason, visible(&letter.detail))?;
        if let Some(remedy) = letter.remedy {
            writeln!(out, "remedy    {remedy}")?;
        }
        if let DeadLetterState::Discarded { discarded_at, discarded_by, discard_reason } = &letter.state {
            let at = seconds(&discarded_at.to_string());
            writeln!(out, "discarded {at} by {}: {}", visible(discarded_by), visible(discard_reason))?;
        }
        if let (Some(bytes), Some(sha256)) = (whole.original_bytes, &whole.original_hash) {
            writeln!(out, "cut       the whole message has {bytes} bytes, SHA-256 {sha256}")?;
        }
        writeln!(out, "headers")?;
        for (name, value) in headers.as_object().into_iter().flatten() {
            writeln!(out, "  {} = {}", visible(name), plain(value))?;
        }
        match (event_type, value) {
            (Some(event_type), value) => {
                writeln!(out, "payload   {event_type}")?;
                for line in serde_json::to_string_pretty(value)?.lines() {
                    writeln!(out, "  {line}")?;
                }
            }
            (None, Value::String(hex)) => {
                let odd = odd.as_deref().unwrap_or_default();
                writeln!(out, "payload   {} bytes, no record: {}", hex.len() / 2, visible(odd))?;
                let shown = hex.get(..MAX_SHOWN_HEX_DIGITS).unwrap_or(hex);
                writeln!(
                    out,
                    "  {shown}{}",
                    if shown.len() < hex.len() { "... (all of it: -J)" } else { "" }
                )?;
            }
            (None, _) => writeln!(out, "payload   none")?,
        }
        out.flush()
    }

    pub(super) fn redriven(&mut self, service: &str, letters: &[Redriven]) -> io::Result<()> {
        for letter in letters {
            if self.json {
                self.line(service, json!(letter))?;
                continue;
            }
            let id = letter.id;
            match &letter.outcome {
                RedriveOutcome::Redriven => writeln!(self.out, "{service} {id} redriven")?,
                RedriveOutcome::Parked { reason, detail, attempts } => {
                    let detail = visible(detail);
                    writeln!(
                        self.out,
                        "{service} {id} stays parked, tried {attempts} times: {reason}: {detail}"
                    )?;
                }
                RedriveOutcome::Waits => {
                    writeln!(self.out, "{service} {id} waits behind an earlier event of its key")?
                }
                RedriveOutcome::Discarded => writeln!(self.out, "{service} {id} was discarded meanwhile")?,
                RedriveOutcome::Pending => writeln!(self.out, "{service} {id} not tried yet")?,
            }
        }
        self.out.flush()
    }

    fn line(&mut self, service: &str, mut value: Value) -> io::Result<()> {
        if let Value::Object(fields) = &mut value {
            fields.insert("service".to_owned(), json!(service));
        }
        writeln!(self.out, "{value}")
    }
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) => visible(text),
        other => other.to_string(),
    }
}

/// A stranger's text must not reach the terminal as a command to it, nor as a line of its own.
fn visible(text: &str) -> String {
    escaped_line(text).into_owned()
}

/// A time without its fraction.
fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(seconds("2026-11-23T21:37:03.510769Z"), "2026-11-23T21:37:03Z");
        assert_eq!(seconds("2026-11-23T21:37:03Z"), "2026-11-23T21:37:03Z");
    }

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(plain(&json!("\u{1b}[2Jx\n\u{202e}")), r"\u001b[2Jx\n\u202e");
        assert_eq!(plain(&json!({"hex": "ff"})), "{\"hex\":\"ff\"}");
    }
}
