//! Meters: instruments that are read twice, by whoever scrapes `/metrics` and by an OpenTelemetry collector.
//!
//! **What it promises.** Recording never waits for anybody: a measurement is a few atomic additions. Each service of a process
//! has its own [`Meters`], so that `minuet up` shows four services and not their sum.
//!
//! **Two providers.** The SDK's views are those of a provider and not of a reader, and histograms are to be explicit on
//! `/metrics` and exponential over OTLP: so an instrument is up to two of the SDK's. Without a collector there is one.
//!
//! **Exemplars.** The SDK's API has them and version 0.33 fills none, so neither do we.

mod export;
mod hub;
mod instruments;
mod text;

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};

pub use export::MetersError;
pub use hub::Hub;
pub use instruments::{Counter, Histogram, Sample, Series};
pub use opentelemetry::KeyValue as Attribute;
pub use text::CONTENT_TYPE;

const SCOPE: &str = "minuet";

/// The meters of one service. Clones are the same meters.
#[derive(Clone)]
pub struct Meters(Arc<Inner>);

struct Inner {
    service: &'static str,
    scraped: SdkMeterProvider,
    reader: export::Scrape,
    pushed: Option<SdkMeterProvider>,
    meters: Vec<Meter>,
}

impl Meters {
    /// Nobody is pushed to: they are read by [`Meters::text`].
    pub fn local(service: &'static str) -> Self {
        Meters::with(service, None)
    }

    fn with(service: &'static str, pushed: Option<SdkMeterProvider>) -> Self {
        let reader = export::Scrape::new(ManualReader::builder().build());
        // The environment's attributes of the resource are for collectors: a scrape has its own labels.
        let scraped = SdkMeterProvider::builder()
            .with_resource(Resource::builder_empty().build())
            .with_reader(reader.clone())
            .build();
        let meters = [Some(&scraped), pushed.as_ref()].into_iter().flatten();
        let meters = meters.map(|provider| provider.meter(SCOPE)).collect();
        Meters(Arc::new(Inner { service, scraped, reader, pushed, meters }))
    }

    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// What is to be seen now, in Prometheus' text form.
    pub fn text(&self) -> String {
        text::of(&[self])
    }

    fn collect(&self) -> ResourceMetrics {
        let mut metrics = ResourceMetrics::default();
        // It fails only after a shutdown: then there is nothing to be seen.
        if let Err(error) = self.0.reader.collect(&mut metrics) {
            tracing::debug!(%error, "meters are not collected");
        }
        metrics
    }
}

impl Default for Meters {
    fn default() -> Self {
        Meters::local("minuet")
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Meters").field(&self.0.service).finish()
    }
}

/// An attribute of a measurement.
pub fn attribute(key: &'static str, value: impl Into<opentelemetry::Value>) -> KeyValue {
    KeyValue::new(key, value)
}

#[cfg(test)]
mod tests;
