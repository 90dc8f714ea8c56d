//! Logs, traces and metrics of a process: `tracing` and OpenTelemetry, set up once by [`init`].
//!
//! **What it promises.** Work never waits for telemetry. A log line is one event with fields: readable text on a terminal, and
//! JSON with the fields at the top level anywhere else. Spans, log records and metrics leave over OTLP if the settings or the
//! standard `OTEL_*` variables name a receiver. [`meters`] are on `/metrics` too, in Prometheus' text format.
//!
//! **How to use it.** [`init`] first, [`flush`] last. A service has one [`Tracer`], which makes the ids of spans and records each
//! [`Span`] once it has ended; a trace that is not recorded costs one check of its flag. [`scope`] runs work under a trace and
//! about a subject, such as an order: each log line of the work carries both.
//!
//! **Its state** is of the process: the subscriber of `tracing`, the names of the subject, and one thread that exports.
//!
//! **When things fail**, work goes on. A full queue drops spans and log records, and counts them ([`span_export_counts`]). A
//! receiver that refuses a batch, or does not answer in time, loses that batch; the process logs the first failure and the
//! recovery. An unusable `OTEL_*` variable is ignored with a warning.
//!
//! Names that code, dashboards and alerts share lie in [`names`].

#![warn(missing_docs)]

/// The code of README.md is compiled with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod context;
mod environment;
mod error;
mod export_queue;
mod lines;
pub mod meters;
pub mod names;
mod otlp_logs;
mod pipeline;
mod resource;
mod sampling;
mod span;
mod subject_names;
mod tracer;

pub use minuet_envelope::TraceContext;

pub use context::{current, note_subject, scope, subject, within};
pub use error::error_chain;
pub use export_queue::ExportCounts;
pub use pipeline::{flush, log_export_counts, span_export_counts};
pub use sampling::Sampling;
pub use span::{Kind, Span};
pub use subject_names::SubjectNames;
pub use tracer::Tracer;

use std::io::{self, IsTerminal};

use serde::Deserialize;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Format as Lines;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

/// The settings of telemetry. The standard `OTEL_*` variables fill what they leave open.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The format of log lines. Default: auto.
    pub format: Format,
    /// The log filter, in the form of RUST_LOG: `level` or `target=level`, separated by commas. Default: `info,sqlx=warn`.
    pub filter: String,
    /// The base address of an OTLP receiver. `None`: `OTEL_EXPORTER_OTLP_ENDPOINT` applies. With neither nothing is exported.
    pub endpoint: Option<String>,
    /// The protocol of the receiver. `None`: `OTEL_EXPORTER_OTLP_PROTOCOL` applies, or else gRPC.
    pub protocol: Option<Protocol>,
    /// The part of the traces that is recorded, 0 to 1, if they begin in this process. `None`: `OTEL_TRACES_SAMPLER` applies, or
    /// else every trace is recorded.
    pub sampling: Option<f64>,
    /// Whether log records are exported too. `OTEL_LOGS_EXPORTER` wins. Default: no.
    pub logs: bool,
}

impl Default for Settings {
    fn default() -> Self {
        // sqlx logs PostgreSQL's notices at info.
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

/// The format of log lines on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// Readable text, with colours on a terminal unless `NO_COLOR` is set.
    Human,
    /// One JSON object for each line.
    Json,
}

/// The protocol of an OTLP receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// OTLP over gRPC, usually port 4317.
    #[serde(rename = "grpc")]
    Grpc,
    /// OTLP over HTTP with protobuf, usually port 4318.
    #[serde(rename = "http/protobuf")]
    Http,
}

/// Telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter does not parse.
    #[error(
        "telemetry.filter is `{filter}`: {reason}. It takes what RUST_LOG takes, such as `info` or `info,minuet_messaging=debug`"
    )]
    Filter {
        /// The filter, as it was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another subscriber of `tracing` is set up in this process.
    #[error("logging was set up before in this process")]
    LoggingTwice(#[source] TryInitError),
    /// [`init`] was called before.
    #[error("the export of telemetry was set up before in this process")]
    ExportTwice,
    /// No exporter can be built for the receiver.
    #[error(
        "telemetry cannot be sent; is telemetry.endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT) such as http://127.0.0.1:4317?"
    )]
    Exporter {
        /// The reason.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The operating system starts no thread.
    #[error("the thread that exports telemetry cannot be started")]
    Thread {
        /// The reason.
        source: io::Error,
    },
}

/// Sets up logs and the export of telemetry. Call it once, before anything is logged and before a [`Tracer`] is made. `process` is
/// the service name of the process's log records. `subject` says how logs and spans name the subject of work; `None`: they do not.
///
/// # Errors
/// The filter does not parse, the receiver's address is unusable, or telemetry was set up before in this process.
///
/// ```no_run
/// use minuet_telemetry::{Settings, SubjectNames, flush, init};
///
/// let orders = SubjectNames { field: "order_id", attribute: "order.id" };
/// init(&Settings::default(), "shipping", Some(orders))?;
/// tracing::info!("service started");
/// flush();
/// # Ok::<(), minuet_telemetry::TelemetryError>(())
/// ```
pub fn init(
    settings: &Settings,
    process: &'static str,
    subject: Option<SubjectNames>,
) -> Result<(), TelemetryError> {
    let human = match settings.format {
        Format::Human => true,
        Format::Json => false,
        Format::Auto => io::stderr().is_terminal(),
    };
    let filter = filter(&settings.filter)?;
    subject.into_iter().for_each(subject_names::set);
    let warnings = pipeline::start(settings, process)?;
    if human {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = io::stderr().is_terminal() && !plain;
        let lines = fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(colours)
            .event_format(lines::Human(Lines::default().with_ansi(colours)));
        lines.finish().with(otlp_logs::layer()).try_init()
    } else {
        json(filter, io::stderr).with(otlp_logs::layer()).try_init()
    }
    .map_err(TelemetryError::LoggingTwice)?;
    for warning in warnings {
        tracing::warn!(detail = warning, "environment variable is ignored");
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
    fn json_has_one_line_per_event_with_its_fields_at_the_top_level() {
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
    fn a_line_names_the_subject_of_the_work_unless_the_event_does() {
        subject_names::set(SubjectNames { field: "order_id", attribute: "order.id" });
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

    /// A stranger's text commands no terminal, begins no line, and does not run backwards.
    #[test]
    fn what_is_not_seen_is_escaped() {
        let text = "a\u{202e}b\u{200b}c\u{7f}\u{2028}\nd";
        let (machine, human) = (Lines::default(), Lines::default());
        let writer = machine.clone();
        let log = || {
            tracing::info!(sku = text, other = %text, "message {text}");
            within(None, Some("o-1".into()), || tracing::info!("message {text}"));
        };
        tracing::subscriber::with_default(
            json(filter("info").expect("a filter"), move || writer.clone()),
            log,
        );
        let writer = human.clone();
        let format = lines::Human(tracing_subscriber::fmt::format::Format::default().with_ansi(false));
        let people = fmt().with_writer(move || writer.clone()).with_ansi(false).event_format(format).finish();
        tracing::subscriber::with_default(people, log);
        for lines in [&machine, &human] {
            let written = String::from_utf8(lines.0.lock().clone()).expect("UTF-8");
            assert_eq!(written.lines().count(), 2, "{written:?}");
            let unseen = |c: &char| *c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{2028}".contains(*c));
            assert_eq!(written.chars().find(unseen), None, "{written:?}");
            assert!(written.contains(r"a\u202eb"), "{written}");
        }
        let written = String::from_utf8(machine.0.lock().clone()).expect("UTF-8");
        let first: serde_json::Value =
            serde_json::from_str(written.lines().next().expect("a line")).expect("JSON");
        assert_eq!(first["sku"], text, "escaped JSON is the same JSON");
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
