//! Log lines over OTLP, with the trace and the subject of the current work.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::TraceFlags;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::export_queue::ExportQueue;
use crate::lines::without_secrets;
use crate::pipeline::{self, ScopedRecord};
use crate::{context, span, subject_names};

/// `None`: log records are not exported.
pub(crate) fn layer<S: Subscriber>() -> Option<impl Layer<S> + Send + Sync> {
    let queue = Arc::clone(pipeline::get()?.logs.as_ref()?);
    let provider = SdkLoggerProvider::builder().with_log_processor(QueueProcessor(queue)).build();
    let logger = provider.logger("minuet");
    Some(OtlpLogLayer { logger, _provider: provider })
}

/// Puts records into the queue; a worker sends them.
#[derive(Debug)]
struct QueueProcessor(Arc<ExportQueue<ScopedRecord>>);

impl LogProcessor for QueueProcessor {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.0.push((record.clone(), scope.clone()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

struct OtlpLogLayer {
    logger: SdkLogger,
    /// Kept alive: dropping the provider shuts it down.
    _provider: SdkLoggerProvider,
}

impl<S: Subscriber> Layer<S> for OtlpLogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut record = self.logger.create_log_record();
        let (level, now) = (*event.metadata().level(), SystemTime::now());
        record.set_timestamp(now);
        record.set_observed_timestamp(now);
        record.set_target(event.metadata().target());
        record.set_severity_text(level.as_str());
        record.set_severity_number(severity(level));
        event.record(&mut Fields { record: &mut record, event });
        context::with_scope(|scope| {
            if let (Some(names), Some(subject)) = (subject_names::names(), scope.subject()) {
                record.add_attribute(names.attribute, subject.to_owned());
            }
            if let Some(trace) = &scope.trace {
                let flags = TraceFlags::new(u8::from(trace.sampled()));
                record.set_trace_context(span::trace_id_of(trace), span::span_id_of(trace), Some(flags));
            }
        });
        self.logger.emit(record);
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

struct Fields<'a> {
    record: &'a mut SdkLogRecord,
    event: &'a Event<'a>,
}

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: AnyValue) {
        match field.name() {
            "message" => self.record.set_body(value),
            name => self.record.add_attribute(name, value),
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, without_secrets(self.event, value).into_owned().into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, i64::try_from(value).unwrap_or(i64::MAX).into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
