//! The three kinds of instruments, each up to two of the SDK's: see [`super`].

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics;
use parking_lot::Mutex;

use super::Meters;
use crate::names::meter::{Definition, Kind};

/// What is seen at a time: of each combination of attributes a value.
pub type Series<T> = Vec<(Vec<KeyValue>, T)>;

#[derive(Clone)]
pub struct Counter(Arc<[metrics::Counter<u64>]>);

impl Counter {
    pub fn add(&self, count: u64, attributes: &[KeyValue]) {
        for counter in self.0.iter() {
            counter.add(count, attributes);
        }
    }
}

#[derive(Clone)]
pub struct Histogram(Arc<[metrics::Histogram<f64>]>);

impl Histogram {
    pub fn record(&self, value: f64, attributes: &[KeyValue]) {
        for histogram in self.0.iter() {
            histogram.record(value, attributes);
        }
    }
}

/// A gauge of what was seen last, all its series at once: one that is no longer seen is no longer shown.
#[derive(Clone)]
pub struct Sample(Arc<Mutex<Series<f64>>>);

impl Sample {
    pub fn show(&self, seen: Series<f64>) {
        *self.0.lock() = seen;
    }
}

impl Meters {
    pub fn counter(&self, of: &Definition) -> Counter {
        debug_assert_eq!(of.kind, Kind::Counter, "{}", of.name);
        let build = |meter: &metrics::Meter| {
            meter.u64_counter(of.name).with_unit(of.unit).with_description(of.help).build()
        };
        Counter(self.0.meters.iter().map(build).collect())
    }

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

    /// A gauge that is asked when it is read. `look` must not wait, and must not hold these meters.
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

    /// A counter that somebody else keeps, asked when it is read; as [`Meters::gauge`].
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

    pub fn sample(&self, of: &Definition) -> Sample {
        let sample = Sample(Arc::default());
        let shown = Arc::clone(&sample.0);
        self.gauge(of, move || shown.lock().clone());
        sample
    }
}
