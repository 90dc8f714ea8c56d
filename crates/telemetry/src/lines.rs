//! A log line, and after its own fields those of what is being worked on: `order_id`, `trace_id`, `span_id`.

use std::fmt::{self, Write as _};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::context;
use crate::names::field;

/// For a person. The trace is left out: it is of use to programs.
pub(crate) struct Human(pub(crate) Format);

/// For a program: the event's own fields lie beside `timestamp`, `level` and `target`, so that a query names them without a
/// path.
pub(crate) struct Machine(Format<Json>);

impl Machine {
    pub(crate) fn new() -> Self {
        Machine(Format::default().json().flatten_event(true).with_span_list(false))
    }
}

/// Fields that the format below writes.
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
        let Some(order) = context::look(|scope| scope.order().map(str::to_owned)).flatten() else {
            return self.0.format_event(ctx, out, event);
        };
        let mut line = String::with_capacity(256);
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n');
        if line.contains("order_id") {
            return writeln!(out, "{line}");
        }
        writeln!(out, "{line} {}={order}", field::ORDER_ID)
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
        context::look(|scope| {
            if let Some(order) = scope.order() {
                member(&mut more, field::ORDER_ID, order)?;
            }
            if let Some(trace) = &scope.trace {
                member(&mut more, field::TRACE_ID, trace.trace_id())?;
                member(&mut more, field::SPAN_ID, trace.span_id())?;
            }
            fmt::Result::Ok(())
        })
        .transpose()?;
        if more.is_empty() {
            return self.0.format_event(ctx, out, event);
        }
        let mut line = String::with_capacity(512);
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let Some(open) = line.trim_end().strip_suffix('}') else { return out.write_str(&line) };
        // What the event says itself is not said again.
        let own = |name| open.contains(&format!("\"{name}\":"));
        if own(field::ORDER_ID) {
            more = more.split(',').filter(|one| !one.contains(field::ORDER_ID)).collect::<Vec<_>>().join(",");
        }
        writeln!(out, "{open}{more}}}")
    }
}

/// `,"name":"value"`
fn member(out: &mut String, name: &str, value: &str) -> fmt::Result {
    let value = serde_json::to_string(value).map_err(|_| fmt::Error)?;
    write!(out, ",\"{name}\":{value}")
}
