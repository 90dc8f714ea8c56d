//! What a process says about itself. So far structured logs: an event with fields per line on stderr, readable by a person on
//! a terminal and JSON anywhere else. Names of spans and fields lie in [`names`], so that code, dashboards and alerts
//! agree on them.

pub mod meters;
pub mod names;

use std::io::{self, IsTerminal};

use serde::Deserialize;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub format: Format,
    /// As RUST_LOG: `level` or `target=level`, separated by commas.
    pub filter: String,
}

impl Default for Settings {
    fn default() -> Self {
        // sqlx repeats PostgreSQL's notices at info.
        Settings { format: Format::Auto, filter: "info,sqlx=warn".into() }
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

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error(
        "telemetry.filter is `{filter}`: {reason}. It takes what RUST_LOG takes, such as `info` or `info,minuet_messaging=debug`"
    )]
    Filter { filter: String, reason: String },
    #[error("logging was set up twice")]
    Twice(#[source] TryInitError),
}

/// Once per process, before anything logs.
///
/// # Errors
/// A filter that does not parse, or a second call.
pub fn init(settings: &Settings) -> Result<(), TelemetryError> {
    let human = match settings.format {
        Format::Human => true,
        Format::Json => false,
        Format::Auto => io::stderr().is_terminal(),
    };
    let filter = filter(&settings.filter)?;
    if human {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = io::stderr().is_terminal() && !plain;
        fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).finish().try_init()
    } else {
        json(filter, io::stderr).try_init()
    }
    .map_err(TelemetryError::Twice)
}

fn filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    let wrong = |reason: String| TelemetryError::Filter { filter: text.to_owned(), reason };
    if text.trim().is_empty() {
        return Err(wrong("it is empty".into()));
    }
    EnvFilter::builder().parse(text).map_err(|error| wrong(error.to_string()))
}

/// The event's own fields lie beside `timestamp`, `level` and `target`, so that a query names them without a path.
fn json<W>(filter: EnvFilter, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics while it holds this").write(bytes)
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
        let text = String::from_utf8(lines.0.lock().expect("unpoisoned").clone()).expect("UTF-8");
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in
            [r#""order_id":"o-1""#, r#""partition":3"#, r#""message":"order_priced""#, r#""level":"INFO""#]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
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
