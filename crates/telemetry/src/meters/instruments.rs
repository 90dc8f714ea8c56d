//! The three kinds of instruments. Each is one or two of the SDK's: see [`super`].

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics;
use parking_lot::Mutex;

use super::Meters;
use crate::names::meter::{Definition, Kind};

/// The values of one instrument at one time: one for each combination of attributes.
pub type Series<T> = Vec<(Vec<KeyValue>, T)>;

/// A value that only grows.
#[derive(Clone)]
pub struct Counter(Arc<[metrics::Counter<u64>]>);

impl Counter {
    /// Adds to the series of these attributes.
    pub fn add(&self, count: u64, attributes: &[KeyValue]) {
        for counter in self.0.iter() {
            counter.add(count, attributes);
        }
    }
}

/// A distribution.
#[derive(Clone)]
pub struct Histogram(Arc<[metrics::Histogram<f64>]>);

impl Histogram {
    /// Adds one value to the series of these attributes.
    pub fn record(&self, value: f64, attributes: &[KeyValue]) {
        for histogram in self.0.iter() {
            histogram.record(value, attributes);
        }
    }
}

/// A gauge whose series are set all at once. A series that is missing from the last set is no longer shown.
#[derive(Clone)]
pub struct Sample(Arc<Mutex<Series<f64>>>);

impl Sample {
    /// Replaces all series.
    pub fn show(&self, seen: Series<f64>) {
        *self.0.lock() = seen;
    }
}

impl Meters {
    /// The counter of this name. The same name again is the same counter.
    pub fn counter(&self, of: &Definition) -> Counter {
        debug_assert_eq!(of.kind, Kind::Counter, "{}", of.name);
        let build = |meter: &metrics::Meter| {
            meter.u64_counter(of.name).with_unit(of.unit).with_description(of.help).build()
        };
        Counter(self.0.meters.iter().map(build).collect())
    }

    /// The histogram of this name. The same name again is the same histogram.
    pub fn histogram(&self, of: &Definition) -> Histogram {
        let Kind::Histogram(bounds) = of.kind else {
            debug_assert!(false, "{} is no histogram", of.name);
            return Histogram(Arc::new([]));
        };
        let build = |meter: &metrics::Meter| {
            let histogram = meter.f64_histogram(of.name).with_unit(of.unit).with_description(of.help);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        Histogram(self.0.meters.iter().map(build).collect())
    }

    /// An observable gauge: `look` gives its series whenever a reader collects. `look` must not wait, and must not hold these
    /// meters.
    pub fn gauge(&self, of: &Definition, look: impl Fn() -> Series<f64> + Send + Sync + 'static) {
        debug_assert_eq!(of.kind, Kind::Gauge, "{}", of.name);
        let look = Arc::new(look);
        for meter in &self.0.meters {
            let look = Arc::clone(&look);
            meter
                .f64_observable_gauge(of.name)
                .with_unit(of.unit)
                .with_description(of.help)
                .with_callback(move |seen| {
                    for (attributes, value) in look() {
                        seen.observe(value, &attributes);
                    }
                })
                .build();
        }
    }

    /// An observable counter of a total that is kept elsewhere. `look` has the rules of [`Meters::gauge`].
    pub fn total(&self, of: &Definition, look: impl Fn() -> Series<u64> + Send + Sync + 'static) {
        debug_assert_eq!(of.kind, Kind::Counter, "{}", of.name);
        let look = Arc::new(look);
        for meter in &self.0.meters {
            let look = Arc::clone(&look);
            meter
                .u64_observable_counter(of.name)
                .with_unit(of.unit)
                .with_description(of.help)
                .with_callback(move |seen| {
                    for (attributes, count) in look() {
                        seen.observe(count, &attributes);
                    }
                })
                .build();
        }
    }

    /// A gauge whose series are set by [`Sample::show`].
    pub fn sample(&self, of: &Definition) -> Sample {
        let sample = Sample(Arc::default());
        let shown = Arc::clone(&sample.0);
        self.gauge(of, move || shown.lock().clone());
        sample
    }
}
