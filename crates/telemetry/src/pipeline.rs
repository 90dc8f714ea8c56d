//! Spans and log records on their way out, over OTLP. They leave from a thread of their own with a runtime of its own: a
//! receiver that hangs holds up nothing, and a busy program still sends.

use std::collections::HashMap;
use std::sync::mpsc as sync;
use std::sync::{Arc, OnceLock};

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::watch;

use crate::environment::{Environment, Limits, Signal};
use crate::queue::{Counted, GOODBYE, Pump, Queue};
use crate::sampling::Sampling;
use crate::{Settings, TelemetryError, resource};

/// A span and the service that tells of it.
pub(crate) type Told = (&'static str, SpanData);
pub(crate) type Line = (SdkLogRecord, InstrumentationScope);

#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) spans: Option<Queue<Told>>,
    pub(crate) lines: Option<Arc<Queue<Line>>>,
    pub(crate) sampling: Sampling,
    /// Of this process: tells its own work from what another life of it has left behind.
    pub(crate) instance: String,
    stop: watch::Sender<bool>,
    stopped: parking_lot::Mutex<sync::Receiver<()>>,
}

static PIPELINE: OnceLock<Pipeline> = OnceLock::new();

/// None: nobody asked for spans or for log records over OTLP.
pub(crate) fn get() -> Option<&'static Pipeline> {
    PIPELINE.get()
}

/// Spans: sent, dropped and failed so far. None: they are not exported.
pub fn spans_counted() -> Option<Arc<Counted>> {
    get()?.spans.as_ref().map(|queue| Arc::clone(queue.counted()))
}

/// As [`spans_counted`], of log records.
pub fn logs_counted() -> Option<Arc<Counted>> {
    get()?.lines.as_ref().map(|queue| Arc::clone(queue.counted()))
}

/// Sends what is left, for at most three seconds. Blocks: call it when the work is over.
pub fn flush() {
    let Some(pipeline) = get() else { return };
    pipeline.stop.send_replace(true);
    let stopped = pipeline.stopped.lock();
    if stopped.recv_timeout(GOODBYE).is_err() {
        tracing::debug!("the last spans did not leave in time");
    }
}

/// Answers with what the environment says and cannot mean.
pub(crate) fn start(settings: &Settings, process: &'static str) -> Result<Vec<String>, TelemetryError> {
    let read = |name: &str| std::env::var(name).ok();
    let environment = Environment::new(&read);
    let asked = |signal| settings.endpoint.is_some() || environment.names_endpoint(signal);
    let on = !environment.disabled();
    let spans = on && asked(Signal::Traces) && environment.exporter(Signal::Traces) != Some(false);
    let lines = on && asked(Signal::Logs) && environment.exporter(Signal::Logs).unwrap_or(settings.logs);
    let sampling = environment.sampling(settings.sampling);
    let limits = [Signal::Traces, Signal::Logs].map(|signal| environment.limits(signal));
    if spans || lines {
        let to = Receiver { endpoint: settings.endpoint.clone(), protocol: settings.protocol };
        let pipeline = launch(to, process, sampling, spans.then_some(limits[0]), lines.then_some(limits[1]))?;
        if PIPELINE.set(pipeline).is_err() {
            return Err(TelemetryError::TracesTwice);
        }
    }
    Ok(environment.into_warnings())
}

/// Where it goes: what the settings leave open, the exporters read from the environment.
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

    fn lines(&self) -> Result<LogExporter, ExporterBuildError> {
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

fn launch(
    to: Receiver,
    process: &'static str,
    sampling: Sampling,
    spans: Option<Limits>,
    lines: Option<Limits>,
) -> Result<Pipeline, TelemetryError> {
    let wrong = |source| TelemetryError::Exporter { source };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| TelemetryError::Thread { source })?;
    let line_exporter = {
        // The exporters connect in the background, on this runtime.
        let _entered = runtime.enter();
        if spans.is_some() {
            to.spans().map_err(wrong)?;
        }
        let exporter = lines.map(|_| to.lines().map_err(wrong)).transpose()?;
        exporter.map(|mut exporter| {
            exporter.set_resource(&resource::of(process));
            exporter
        })
    };
    let (spans, span_pump) = spans.map(Queue::new).unzip();
    let (lines, line_pump) = lines.map(Queue::new).unzip();
    let (stop, stopping) = watch::channel(false);
    let (done, stopped) = sync::channel();
    let thread = std::thread::Builder::new().name("telemetry".into()).spawn(move || {
        runtime.block_on(async {
            tokio::join!(
                send_spans(span_pump, stopping.clone(), to),
                send_lines(line_pump, stopping, line_exporter)
            );
        });
        if done.send(()).is_err() {
            tracing::debug!("nobody waits for the last spans");
        }
    });
    thread.map_err(|source| TelemetryError::Thread { source })?;
    let lines = lines.map(Arc::new);
    Ok(Pipeline {
        spans,
        lines,
        sampling,
        instance: resource::instance().to_owned(),
        stop,
        stopped: parking_lot::Mutex::new(stopped),
    })
}

/// Each service of the process has an exporter of its own: a resource is all of an exporter's.
async fn send_spans(pump: Option<Pump<Told>>, stop: watch::Receiver<bool>, to: Receiver) {
    let Some(pump) = pump else { return };
    let mut exporters: HashMap<&'static str, SpanExporter> = HashMap::new();
    let send = async |batch: Vec<Told>| {
        let mut by_service: HashMap<&'static str, Vec<SpanData>> = HashMap::new();
        for (service, span) in batch {
            by_service.entry(service).or_default().push(span);
        }
        let mut well = true;
        for (service, spans) in by_service {
            let exporter = match exporters.entry(service) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    let Ok(mut exporter) = to.spans() else { return false };
                    exporter.set_resource(&resource::of(service));
                    new.insert(exporter)
                }
            };
            well &= exporter.export(spans).await.is_ok();
        }
        well
    };
    pump.run(stop, send).await;
}

async fn send_lines(pump: Option<Pump<Line>>, stop: watch::Receiver<bool>, exporter: Option<LogExporter>) {
    let (Some(pump), Some(exporter)) = (pump, exporter) else { return };
    let send = async |batch: Vec<Line>| {
        let records: Vec<(&SdkLogRecord, &InstrumentationScope)> =
            batch.iter().map(|(record, scope)| (record, scope)).collect();
        exporter.export(LogBatch::new(&records)).await.is_ok()
    };
    pump.run(stop, send).await;
}
