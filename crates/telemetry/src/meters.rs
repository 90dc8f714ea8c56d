//! Meters, read by two readers: the page `/metrics` for Prometheus, and an OpenTelemetry collector.
//!
//! **What it promises.** Recording never waits: a measurement is a few atomic additions. Each service of a process has its own
//! [`Meters`], so that a process with four services shows four services and not their sum. [`Hub`] puts them on one page.
//!
//! **Its state** lies in memory only. A restart begins at zero, which Prometheus and collectors recognise.
//!
//! **When things fail.** A collector that does not answer loses its measurements of that time; `/metrics` still has them. Without
//! a collector nothing is pushed.
//!
//! **Two providers.** A view of the SDK belongs to a provider, not to a reader. Histograms are explicit on `/metrics` and
//! exponential over OTLP, so each instrument is made twice if there is a collector.
//!
//! **Exemplars.** Version 0.33 of the SDK has them in its API and fills none. There are none here either.

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

use crate::error_chain;

pub use export::MetersError;
pub use hub::Hub;
pub use instruments::{Counter, Histogram, Sample, Series};
pub use opentelemetry::KeyValue as Attribute;
pub use text::CONTENT_TYPE;

/// The instrumentation scope of every meter.
const SCOPE: &str = "minuet";

/// The meters of one service. Clones are the same meters.
///
/// ```
/// use minuet_telemetry::meters::{Meters, attribute};
/// use minuet_telemetry::names::meter::Definition;
///
/// const DELIVERIES: Definition = Definition::counter("delivery.count", "{delivery}", "Deliveries that arrived.");
///
/// let meters = Meters::local("shipping");
/// meters.counter(&DELIVERIES).add(2, &[attribute("carrier", "bike")]);
/// assert!(meters.text().contains(r#"delivery_count_total{service="shipping",carrier="bike"} 2"#));
/// ```
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
    /// Meters that are not pushed: only [`Meters::text`] reads them.
    pub fn local(service: &'static str) -> Self {
        Meters::with(service, None)
    }

    fn with(service: &'static str, pushed: Option<SdkMeterProvider>) -> Self {
        let reader = export::Scrape::new(ManualReader::builder().build());
        // Collectors get the resource's attributes from the environment. A scrape has labels of its own.
        let scraped = SdkMeterProvider::builder()
            .with_resource(Resource::builder_empty().build())
            .with_reader(reader.clone())
            .build();
        let meters = [Some(&scraped), pushed.as_ref()].into_iter().flatten();
        let meters = meters.map(|provider| provider.meter(SCOPE)).collect();
        Meters(Arc::new(Inner { service, scraped, reader, pushed, meters }))
    }

    /// The service that these meters belong to.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// The current values in Prometheus' text format.
    pub fn text(&self) -> String {
        text::of(&[self])
    }

    fn collect(&self) -> ResourceMetrics {
        let mut metrics = ResourceMetrics::default();
        // Fails only after a shutdown. Then there is nothing to show.
        if let Err(error) = self.0.reader.collect(&mut metrics) {
            tracing::debug!(error = error_chain(&error), "meters could not be collected");
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
