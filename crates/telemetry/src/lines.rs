//! A log line: its own fields, then those of the current work: subject, `trace_id` and `span_id`.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use minuet_text::escape::{escaped, escaped_colours};
use minuet_text::secret::{shown_authorities, shown_urls};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::names::field;
use crate::{SubjectNames, context, subject_names};

/// For people. The trace is left out: only programs use it.
pub(crate) struct Human(pub(crate) Format);

/// For programs: the event's own fields lie beside `timestamp`, `level` and `target`, so that a query names them without a
/// path.
pub(crate) struct Machine(Format<Json>);

impl Machine {
    pub(crate) fn new() -> Self {
        Machine(Format::default().json().flatten_event(true).with_span_list(false))
    }
}

/// The format of the fields that [`Machine`] writes.
pub(crate) fn json_fields() -> JsonFields {
    JsonFields::new()
}

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::with_capacity(256);
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        // A stranger's text is in it: it begins no line, and commands no terminal. Other libraries log the URLs they ask.
        let line = without_secrets(event, line.trim_end_matches('\n'));
        let line = escaped_colours(&line);
        match (subject_names::names(), context::subject()) {
            (Some(names), Some(subject)) if !line.contains(names.field) => {
                writeln!(out, "{line} {}={subject}", names.field)
            }
            _ => writeln!(out, "{line}"),
        }
    }
}

impl<S, N> FormatEvent<S, N> for Machine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut more = String::new();
        let names = subject_names::names();
        context::with_scope(|scope| {
            if let (Some(names), Some(subject)) = (names, scope.subject()) {
                member(&mut more, names.field, subject)?;
            }
            if let Some(trace) = &scope.trace {
                member(&mut more, field::TRACE_ID, trace.trace_id())?;
                member(&mut more, field::SPAN_ID, trace.span_id())?;
            }
            fmt::Result::Ok(())
        })
        .transpose()?;
        let mut line = String::with_capacity(512);
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let line = without_secrets(event, &line);
        let line = escaped(&line);
        if more.is_empty() {
            return out.write_str(&line);
        }
        let Some(open) = line.trim_end().strip_suffix('}') else { return out.write_str(&line) };
        // A field that the event has itself is not added a second time.
        if let Some(SubjectNames { field, .. }) = names
            && open.contains(&format!("\"{field}\":"))
        {
            more = more.split(',').filter(|one| !one.contains(field)).collect::<Vec<_>>().join(",");
        }
        writeln!(out, "{open}{more}}}")
    }
}

/// Text of this event as it may be shown.
pub(crate) fn without_secrets<'a>(event: &Event<'_>, text: &'a str) -> Cow<'a, str> {
    if event.metadata().target().starts_with("minuet") { shown_urls(text) } else { shown_authorities(text) }
}

/// `,"name":"value"`
fn member(out: &mut String, name: &str, value: &str) -> fmt::Result {
    let value = serde_json::to_string(value).map_err(|_| fmt::Error)?;
    write!(out, ",\"{name}\":{value}")
}
