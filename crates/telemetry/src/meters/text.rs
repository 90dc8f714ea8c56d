//! Prometheus' text format, version 0.0.4, of the collected metrics.
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>

use std::collections::BTreeMap;
use std::fmt::Write;

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData};

use super::Meters;

/// The content type of Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The label that every series has: its service.
const SERVICE: &str = "service";

struct Family {
    kind: &'static str,
    help: String,
    /// Sample lines without the family's name.
    lines: Vec<(&'static str, String)>,
}

pub(super) fn of(all: &[&Meters]) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for meters in all {
        let collected = meters.collect();
        for metric in collected.scope_metrics().flat_map(|scope| scope.metrics()) {
            add(&mut families, meters.service(), metric);
        }
    }
    let mut text = String::new();
    for (name, Family { kind, help, lines }) in &families {
        append(&mut text, format_args!("# HELP {name} {}\n# TYPE {name} {kind}\n", escaped(help, false)));
        for (suffix, line) in lines {
            append(&mut text, format_args!("{name}{suffix}{line}\n"));
        }
    }
    text
}

fn add(families: &mut BTreeMap<String, Family>, service: &str, metric: &Metric) {
    match metric.data() {
        AggregatedMetrics::F64(data) => add_data(families, service, metric, data, |value| value),
        #[expect(clippy::cast_precision_loss, reason = "Prometheus' values are floats")]
        AggregatedMetrics::U64(data) => add_data(families, service, metric, data, |value| value as f64),
        #[expect(clippy::cast_precision_loss, reason = "Prometheus' values are floats")]
        AggregatedMetrics::I64(data) => add_data(families, service, metric, data, |value| value as f64),
    }
}

fn add_data<T: Copy>(
    families: &mut BTreeMap<String, Family>,
    service: &str,
    metric: &Metric,
    data: &MetricData<T>,
    float: impl Fn(T) -> f64,
) {
    let (kind, lines) = match data {
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points();
            let line = |attributes, value| ("", format!("{} {value}", labels(service, attributes, None)));
            ("gauge", points.map(|p| line(p.attributes().collect(), float(p.value()))).collect::<Vec<_>>())
        }
        MetricData::Sum(sum) => {
            let kind = if sum.is_monotonic() { "counter" } else { "gauge" };
            let points = sum.data_points();
            let line = |attributes, value| ("", format!("{} {value}", labels(service, attributes, None)));
            (kind, points.map(|p| line(p.attributes().collect(), float(p.value()))).collect())
        }
        MetricData::Histogram(histogram) => {
            let mut lines = Vec::new();
            for point in histogram.data_points() {
                let attributes: Vec<&KeyValue> = point.attributes().collect();
                let mut below = 0;
                let bounds = point.bounds().map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
                for (bound, count) in bounds.zip(point.bucket_counts()) {
                    below += count;
                    let labels = labels(service, attributes.clone(), Some(&bound));
                    lines.push(("_bucket", format!("{labels} {below}")));
                }
                let labels = labels(service, attributes, None);
                lines.push(("_sum", format!("{labels} {}", float(point.sum()))));
                lines.push(("_count", format!("{labels} {}", point.count())));
            }
            ("histogram", lines)
        }
        // The text format has no form for it, and the provider of `/metrics` makes none.
        MetricData::ExponentialHistogram(_) => return,
    };
    let name = name(metric.name(), metric.unit(), kind);
    let family = Family { kind, help: metric.description().to_owned(), lines: Vec::new() };
    families.entry(name).or_insert(family).lines.extend(lines);
}

/// `order.process.duration` in ms: `order_process_duration_milliseconds`.
pub(super) fn name(name: &str, unit: &str, kind: &str) -> String {
    let mut name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let unit = match unit {
        "s" => "seconds",
        "ms" => "milliseconds",
        "By" => "bytes",
        "%" => "percent",
        _ => "",
    };
    if !unit.is_empty() {
        name.push('_');
        name.push_str(unit);
    }
    if kind == "counter" {
        name.push_str("_total");
    }
    name
}

fn labels(service: &str, attributes: Vec<&KeyValue>, bound: Option<&str>) -> String {
    let mut labels: Vec<(String, String)> = vec![(SERVICE.to_owned(), service.to_owned())];
    for KeyValue { key, value, .. } in attributes {
        let key = key.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let value = match value {
            Value::String(value) => value.as_str().to_owned(),
            other => other.to_string(),
        };
        labels.push((key, value));
    }
    labels[1..].sort();
    labels.extend(bound.map(|bound| ("le".to_owned(), bound.to_owned())));
    let labels: Vec<String> =
        labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value, true))).collect();
    format!("{{{}}}", labels.join(","))
}

fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}

fn append(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    if text.write_fmt(what).is_err() {
        tracing::debug!("line of the metrics page was dropped");
    }
}
