//! Exports spans and log records over OTLP, from a thread with a runtime of its own: a receiver that hangs blocks no work, and
//! a busy program still exports.

use std::collections::HashMap;
use std::sync::mpsc as sync;
use std::sync::{Arc, OnceLock};

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::watch;

use crate::environment::{Environment, Limits, Signal};
use crate::export_queue::{ExportCounts, ExportQueue, ExportWorker, SHUTDOWN_TIMEOUT};
use crate::sampling::Sampling;
use crate::{Settings, TelemetryError, resource};

/// The service of a span, and the span.
pub(crate) type ServiceSpan = (&'static str, SpanData);
pub(crate) type ScopedRecord = (SdkLogRecord, InstrumentationScope);

#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) spans: Option<ExportQueue<ServiceSpan>>,
    pub(crate) logs: Option<Arc<ExportQueue<ScopedRecord>>>,
    pub(crate) sampling: Sampling,
    /// The id of this process: a restarted process has another one.
    pub(crate) instance: String,
    stop: watch::Sender<bool>,
    stopped: parking_lot::Mutex<sync::Receiver<()>>,
}

static PIPELINE: OnceLock<Pipeline> = OnceLock::new();

/// `None`: neither spans nor log records are exported.
pub(crate) fn get() -> Option<&'static Pipeline> {
    PIPELINE.get()
}

/// The counts of exported spans. `None`: spans are not exported.
pub fn span_export_counts() -> Option<Arc<ExportCounts>> {
    get()?.spans.as_ref().map(|queue| Arc::clone(queue.counts()))
}

/// The counts of exported log records. `None`: log records are not exported.
pub fn log_export_counts() -> Option<Arc<ExportCounts>> {
    get()?.logs.as_ref().map(|queue| Arc::clone(queue.counts()))
}

/// Exports the remaining spans and log records, and waits for that at most three seconds. Blocks the thread: call it at the end
/// of the process.
pub fn flush() {
    let Some(pipeline) = get() else { return };
    pipeline.stop.send_replace(true);
    let stopped = pipeline.stopped.lock();
    if stopped.recv_timeout(SHUTDOWN_TIMEOUT).is_err() {
        tracing::debug!("last spans were not sent in time");
    }
}

/// Returns a warning for each variable of the environment that has no usable value.
pub(crate) fn start(settings: &Settings, process: &'static str) -> Result<Vec<String>, TelemetryError> {
    let read = |name: &str| std::env::var(name).ok();
    let environment = Environment::new(&read);
    let asked = |signal| settings.endpoint.is_some() || environment.names_endpoint(signal);
    let on = !environment.disabled();
    let spans = on && asked(Signal::Traces) && environment.exporter(Signal::Traces) != Some(false);
    let logs = on && asked(Signal::Logs) && environment.exporter(Signal::Logs).unwrap_or(settings.logs);
    let sampling = environment.sampling(settings.sampling);
    let limits = [Signal::Traces, Signal::Logs].map(|signal| environment.limits(signal));
    if spans || logs {
        let to = Receiver { endpoint: settings.endpoint.clone(), protocol: settings.protocol };
        let pipeline = launch(to, process, sampling, spans.then_some(limits[0]), logs.then_some(limits[1]))?;
        if PIPELINE.set(pipeline).is_err() {
            return Err(TelemetryError::ExportTwice);
        }
    }
    Ok(environment.into_warnings())
}

/// Where telemetry is sent. The exporters read from the environment what the settings leave open.
#[derive(Clone, Debug)]
struct Receiver {
    endpoint: Option<String>,
    protocol: Option<crate::Protocol>,
}

impl Receiver {
    fn protocol(&self) -> crate::Protocol {
        let read = |name| std::env::var(name).ok();
        let named =
            || read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| read("OTEL_EXPORTER_OTLP_PROTOCOL"));
        self.protocol.unwrap_or_else(|| match named().as_deref() {
            Some("http/protobuf") => crate::Protocol::Http,
            _ => crate::Protocol::Grpc,
        })
    }

    fn http_endpoint(&self, path: &str) -> Option<String> {
        self.endpoint.as_ref().map(|endpoint| format!("{}{path}", endpoint.trim_end_matches('/')))
    }

    fn spans(&self) -> Result<SpanExporter, ExporterBuildError> {
        match self.protocol() {
            crate::Protocol::Grpc => {
                let builder = SpanExporter::builder().with_tonic();
                match &self.endpoint {
                    Some(endpoint) => builder.with_endpoint(endpoint).build(),
                    None => builder.build(),
                }
            }
            crate::Protocol::Http => {
                let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
                match self.http_endpoint("/v1/traces") {
                    Some(endpoint) => builder.with_endpoint(endpoint).build(),
                    None => builder.build(),
                }
            }
        }
    }

    fn logs(&self) -> Result<LogExporter, ExporterBuildError> {
        match self.protocol() {
            crate::Protocol::Grpc => {
                let builder = LogExporter::builder().with_tonic();
                match &self.endpoint {
                    Some(endpoint) => builder.with_endpoint(endpoint).build(),
                    None => builder.build(),
                }
            }
            crate::Protocol::Http => {
                let builder = LogExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
                match self.http_endpoint("/v1/logs") {
                    Some(endpoint) => builder.with_endpoint(endpoint).build(),
                    None => builder.build(),
                }
            }
        }
    }
}

/// The error names the setting, or the variable, and repeats its value: an endpoint or headers, where secrets may be.
pub(crate) fn without_value(error: ExporterBuildError) -> ExporterBuildError {
    match error {
        ExporterBuildError::InvalidConfiguration(text) => {
            let name = text.split(':').next().unwrap_or_default();
            ExporterBuildError::InvalidConfiguration(format!("{name} (the value is not shown)"))
        }
        other => other,
    }
}

fn launch(
    to: Receiver,
    process: &'static str,
    sampling: Sampling,
    spans: Option<Limits>,
    logs: Option<Limits>,
) -> Result<Pipeline, TelemetryError> {
    let wrong = |source| TelemetryError::Exporter { source: without_value(source) };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| TelemetryError::Thread { source })?;
    let log_exporter = {
        // The exporters connect in the background, on this runtime.
        let _entered = runtime.enter();
        if spans.is_some() {
            to.spans().map_err(wrong)?;
        }
        let exporter = logs.map(|_| to.logs().map_err(wrong)).transpose()?;
        exporter.map(|mut exporter| {
            exporter.set_resource(&resource::of(process));
            exporter
        })
    };
    let (spans, span_worker) = spans.map(ExportQueue::new).unzip();
    let (logs, log_worker) = logs.map(ExportQueue::new).unzip();
    let (stop, stopping) = watch::channel(false);
    let (done, stopped) = sync::channel();
    let thread = std::thread::Builder::new().name("telemetry".into()).spawn(move || {
        runtime.block_on(async {
            tokio::join!(
                send_spans(span_worker, stopping.clone(), to),
                send_logs(log_worker, stopping, log_exporter)
            );
        });
        if done.send(()).is_err() {
            tracing::debug!("receiver of the last spans is gone");
        }
    });
    thread.map_err(|source| TelemetryError::Thread { source })?;
    let logs = logs.map(Arc::new);
    Ok(Pipeline {
        spans,
        logs,
        sampling,
        instance: resource::instance().to_owned(),
        stop,
        stopped: parking_lot::Mutex::new(stopped),
    })
}

/// Each service of the process has an exporter of its own, since an exporter has one resource.
async fn send_spans(worker: Option<ExportWorker<ServiceSpan>>, stop: watch::Receiver<bool>, to: Receiver) {
    let Some(worker) = worker else { return };
    let mut exporters: HashMap<&'static str, SpanExporter> = HashMap::new();
    let send = async |batch: Vec<ServiceSpan>| {
        let mut by_service: HashMap<&'static str, Vec<SpanData>> = HashMap::new();
        for (service, span) in batch {
            by_service.entry(service).or_default().push(span);
        }
        let mut ok = true;
        for (service, spans) in by_service {
            let exporter = match exporters.entry(service) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    let Ok(mut exporter) = to.spans() else { return false };
                    exporter.set_resource(&resource::of(service));
                    new.insert(exporter)
                }
            };
            ok &= exporter.export(spans).await.is_ok();
        }
        ok
    };
    worker.run(stop, send).await;
}

async fn send_logs(
    worker: Option<ExportWorker<ScopedRecord>>,
    stop: watch::Receiver<bool>,
    exporter: Option<LogExporter>,
) {
    let (Some(worker), Some(exporter)) = (worker, exporter) else { return };
    let send = async |batch: Vec<ScopedRecord>| {
        let records: Vec<(&SdkLogRecord, &InstrumentationScope)> =
            batch.iter().map(|(record, scope)| (record, scope)).collect();
        exporter.export(LogBatch::new(&records)).await.is_ok()
    };
    worker.run(stop, send).await;
}
