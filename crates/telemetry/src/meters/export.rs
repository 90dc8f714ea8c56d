//! The readers of the meters: a scrape, and the collector that the `OTEL_*` variables name.

use std::env;
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_otlp::{ExporterBuildError, MetricExporter};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::periodic_reader_with_async_runtime::PeriodicReader;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream, Temporality,
};
use opentelemetry_sdk::runtime;

use crate::environment::{Environment, Signal};
use crate::pipeline::without_value;
use crate::resource;

/// The meters cannot be pushed.
#[derive(Debug, thiserror::Error)]
pub enum MetersError {
    /// The variables name no usable collector.
    #[error("meters cannot be pushed as the OTEL_EXPORTER_OTLP_* variables say")]
    Exporter(#[source] ExporterBuildError),
}

/// A reader that collects on request. The provider and `/metrics` share it.
#[derive(Clone, Debug)]
pub(super) struct Scrape(Arc<ManualReader>);

impl Scrape {
    pub(super) fn new(reader: ManualReader) -> Self {
        Scrape(Arc::new(reader))
    }
}

impl MetricReader for Scrape {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// Whether the environment asks for it: by an endpoint, or by `OTEL_METRICS_EXPORTER=otlp`.
pub(super) fn is_wanted() -> bool {
    let read = |name: &str| env::var(name).ok();
    let environment = Environment::new(&read);
    let asked = !environment.disabled()
        && environment
            .exporter(Signal::Metrics)
            .unwrap_or_else(|| environment.names_endpoint(Signal::Metrics));
    for warning in environment.into_warnings() {
        tracing::warn!(detail = warning, "environment variable of the meters is ignored");
    }
    asked
}

/// Pushes to the collector that the environment names, with the environment's protocol, interval and temporality. Call it in a
/// Tokio runtime: a task of that runtime pushes.
pub(super) fn push(service: &'static str) -> Result<SdkMeterProvider, MetersError> {
    let wrong = |error| MetersError::Exporter(without_value(error));
    Ok(pushing(service, MetricExporter::builder().build().map_err(wrong)?))
}

pub(super) fn pushing(service: &'static str, exporter: impl PushMetricExporter) -> SdkMeterProvider {
    let reader = PeriodicReader::builder(exporter, runtime::Tokio).build();
    let builder = SdkMeterProvider::builder().with_resource(resource::of(service)).with_reader(reader);
    let wants_buckets = env::var("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")
        .is_ok_and(|value| value.eq_ignore_ascii_case("explicit_bucket_histogram"));
    if wants_buckets { builder.build() } else { builder.with_view(exponential).build() }
}

/// With the specification's defaults: 160 buckets of the highest resolution that they allow.
fn exponential(instrument: &Instrument) -> Option<Stream> {
    if instrument.kind() != InstrumentKind::Histogram {
        return None;
    }
    let aggregation =
        Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
    Stream::builder().with_aggregation(aggregation).build().ok()
}
