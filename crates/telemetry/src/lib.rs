//! What a process says about itself. Structured logs: an event with fields per line on stderr, readable by a person on
//! a terminal and JSON anywhere else. Spans, and the same log lines if asked for, over OTLP. Names of spans and fields lie in
//! [`names`], so that code, dashboards and alerts agree on them.
//!
//! **Spans** are told once they are over ([`Span`]), by a [`Tracer`] per service. A trace that is not recorded costs a look
//! at its flag. **What is worked on** now ([`scope`]) stands on every log line.
//!
//! **When things fail**, work goes on: a queue that is full drops, and counts what it dropped ([`spans_counted`]).

mod context;
mod environment;
mod error;
mod export_lines;
mod lines;
pub mod meters;
pub mod names;
mod pipeline;
mod queue;
mod resource;
mod sampling;
mod span;
mod tracer;

pub use minuet_envelope::TraceContext;

pub use context::{current, note_order, order, scope, within};
pub use error::error_chain;
pub use pipeline::{flush, logs_counted, spans_counted};
pub use queue::Counted;
pub use sampling::Sampling;
pub use span::{Kind, Span};
pub use tracer::Tracer;

use std::io::{self, IsTerminal};

use serde::Deserialize;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Format as Lines;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub format: Format,
    /// As RUST_LOG: `level` or `target=level`, separated by commas.
    pub filter: String,
    /// Base of a receiver of OTLP. Without it `OTEL_EXPORTER_OTLP_ENDPOINT` counts; without both nothing is sent.
    pub endpoint: Option<String>,
    /// How the receiver is spoken to: else `OTEL_EXPORTER_OTLP_PROTOCOL` counts, else it is grpc.
    pub protocol: Option<Protocol>,
    /// Which part of the traces that begin here is recorded, 0 to 1. Else `OTEL_TRACES_SAMPLER` counts, else all are.
    pub sampling: Option<f64>,
    /// Whether log lines are sent there too. `OTEL_LOGS_EXPORTER` wins.
    pub logs: bool,
}

impl Default for Settings {
    fn default() -> Self {
        // sqlx repeats PostgreSQL's notices at info.
        Settings {
            format: Format::Auto,
            filter: "info,sqlx=warn".into(),
            endpoint: None,
            protocol: None,
            sampling: None,
            logs: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Human on a terminal, JSON otherwise.
    Auto,
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    #[serde(rename = "grpc")]
    Grpc,
    #[serde(rename = "http/protobuf")]
    Http,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error(
        "telemetry.filter is `{filter}`: {reason}. It takes what RUST_LOG takes, such as `info` or `info,minuet_messaging=debug`"
    )]
    Filter { filter: String, reason: String },
    #[error("logging was set up twice")]
    Twice(#[source] TryInitError),
    #[error("traces were set up twice")]
    TracesTwice,
    #[error(
        "telemetry cannot be sent; is telemetry.endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT) such as http://127.0.0.1:4317?"
    )]
    Exporter { source: opentelemetry_otlp::ExporterBuildError },
    #[error("the thread that sends telemetry cannot be started")]
    Thread { source: io::Error },
}

/// Once per process, before anything logs or begins a span. `process` names it among the senders of log records.
///
/// # Errors
/// A filter that does not parse, a receiver whose address is none, or a second call.
pub fn init(settings: &Settings, process: &'static str) -> Result<(), TelemetryError> {
    let human = match settings.format {
        Format::Human => true,
        Format::Json => false,
        Format::Auto => io::stderr().is_terminal(),
    };
    let filter = filter(&settings.filter)?;
    let warnings = pipeline::start(settings, process)?;
    if human {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = io::stderr().is_terminal() && !plain;
        let lines = fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(colours)
            .event_format(lines::Human(Lines::default().with_ansi(colours)));
        lines.finish().with(export_lines::layer()).try_init()
    } else {
        json(filter, io::stderr).with(export_lines::layer()).try_init()
    }
    .map_err(TelemetryError::Twice)?;
    for warning in warnings {
        tracing::warn!(warning, "a variable of the environment is left aside");
    }
    Ok(())
}

fn filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    let wrong = |reason: String| TelemetryError::Filter { filter: text.to_owned(), reason };
    if text.trim().is_empty() {
        return Err(wrong("it is empty".into()));
    }
    EnvFilter::builder().parse(text).map_err(|error| wrong(error.to_string()))
}

fn json<W>(
    filter: EnvFilter,
    writer: W,
) -> impl tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    fmt()
        .fmt_fields(lines::json_fields())
        .event_format(lines::Machine::new())
        .with_env_filter(filter)
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_has_a_line_per_event_and_its_fields_on_top() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = json(filter("info").expect("a filter"), move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(order_id = "o-1", partition = 3, "order_priced");
            tracing::debug!("not asked for");
        });
        let text = String::from_utf8(lines.0.lock().clone()).expect("UTF-8");
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in
            [r#""order_id":"o-1""#, r#""partition":3"#, r#""message":"order_priced""#, r#""level":"INFO""#]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_line_says_what_is_being_worked_on_unless_it_does_itself() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = json(filter("info").expect("a filter"), move || writer.clone());
        let trace = minuet_envelope::TraceContext::root(7, 8, true);
        tracing::subscriber::with_default(subscriber, || {
            within(Some(trace.clone()), Some("o-1".into()), || tracing::info!("priced"));
            within(Some(trace.with_baggage_entry("order.id", "o-2")), None, || tracing::info!("paid"));
            within(Some(trace), Some("o-3".into()), || tracing::info!(order_id = "o-4", "sent"));
            tracing::info!("idle");
        });
        let text = String::from_utf8(lines.0.lock().clone()).expect("UTF-8");
        let parsed: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let orders: Vec<_> = parsed.iter().map(|line| line["order_id"].as_str()).collect();
        assert_eq!(orders, [Some("o-1"), Some("o-2"), Some("o-4"), None], "{text}");
        assert_eq!(parsed[0]["trace_id"], "00000000000000000000000000000007", "{text}");
        assert_eq!(parsed[2]["span_id"], "0000000000000008", "{text}");
        assert!(parsed[3].get("trace_id").is_none() && text.matches("order_id").count() == 3, "{text}");
    }

    #[test]
    fn a_wrong_filter_is_named() {
        for wrong in ["", "minuet=loud", "=,="] {
            let error = filter(wrong).expect_err(wrong).to_string();
            assert!(error.contains("telemetry.filter"), "{error}");
        }
        assert!(filter("warn,minuet_order=debug").is_ok());
    }
}
