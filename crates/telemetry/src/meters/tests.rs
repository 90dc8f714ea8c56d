use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_sdk::metrics::InMemoryMetricExporter;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};

use super::*;
use crate::names::meter::{ALL, BATCH_RETRY_COUNT, Definition, Kind};

const ORDER_STATUS_COUNT: Definition =
    Definition::counter("order.status.count", "{order}", "Orders that came into this status.");
const ORDER_PROCESS_DURATION: Definition =
    Definition::histogram("order.process.duration", "ms", &[10.0, 25.0], "From its submission to its end.");
const PAYMENT_SUCCESS_RATE: Definition = Definition::gauge("payment.success.rate", "%", "Captured charges.");

#[test]
fn a_counter_a_histogram_and_a_gauge_in_text() {
    let meters = Meters::local("order");
    let status = meters.counter(&ORDER_STATUS_COUNT);
    status.add(2, &[attribute("status", "paid")]);
    // A second handle is the same instrument.
    meters.counter(&ORDER_STATUS_COUNT).add(1, &[attribute("status", "paid")]);
    let duration = meters.histogram(&ORDER_PROCESS_DURATION);
    for ms in [9.0, 10.0, 11.0, 1e9] {
        duration.record(ms, &[attribute("status", "confirmed")]);
    }
    let rate = meters.sample(&PAYMENT_SUCCESS_RATE);
    rate.show(vec![(vec![attribute("odd", "a \"quote\",\na line, a \\")], 95.5)]);

    let text = meters.text();
    for line in [
        "# TYPE order_status_count_total counter",
        r#"order_status_count_total{service="order",status="paid"} 3"#,
        "# TYPE order_process_duration_milliseconds histogram",
        r#"order_process_duration_milliseconds_bucket{service="order",status="confirmed",le="10"} 2"#,
        r#"order_process_duration_milliseconds_bucket{service="order",status="confirmed",le="25"} 3"#,
        r#"order_process_duration_milliseconds_bucket{service="order",status="confirmed",le="+Inf"} 4"#,
        r#"order_process_duration_milliseconds_sum{service="order",status="confirmed"} 1000000030"#,
        r#"order_process_duration_milliseconds_count{service="order",status="confirmed"} 4"#,
        "# TYPE payment_success_rate_percent gauge",
        r#"payment_success_rate_percent{service="order",odd="a \"quote\",\na line, a \\"} 95.5"#,
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
    }
}

#[test]
fn a_series_that_is_missing_from_the_last_set_is_not_shown() {
    let meters = Meters::local("order");
    let sample = meters.sample(&PAYMENT_SUCCESS_RATE);
    sample.show(vec![(vec![attribute("sku", "MUG")], 1.0)]);
    assert!(meters.text().contains("MUG"));
    sample.show(vec![(vec![attribute("sku", "LAMP")], 1.0)]);
    let text = meters.text();
    assert!(text.contains("LAMP") && !text.contains("MUG"), "{text}");
}

#[test]
fn a_total_that_is_kept_elsewhere() {
    let (meters, count) = (Meters::local("order"), Arc::new(AtomicU64::new(7)));
    let kept = Arc::clone(&count);
    meters.total(&BATCH_RETRY_COUNT, move || vec![(vec![], kept.load(Ordering::Relaxed))]);
    assert!(meters.text().contains(r#"batch_retry_count_total{service="order"} 7"#));
    count.fetch_add(1, Ordering::Relaxed);
    assert!(meters.text().contains(r#"batch_retry_count_total{service="order"} 8"#));
}

#[test]
fn the_services_of_a_process_share_a_page_and_not_their_series() {
    let hub = Hub::default();
    for service in ["order", "payment"] {
        hub.meters(service).unwrap().counter(&ORDER_STATUS_COUNT).add(1, &[]);
    }
    let text = hub.text();
    assert_eq!(text.matches("# TYPE order_status_count_total").count(), 1, "{text}");
    assert!(text.contains(r#"order_status_count_total{service="order"} 1"#), "{text}");
    assert!(text.contains(r#"order_status_count_total{service="payment"} 1"#), "{text}");
}

/// Buckets where they are scraped, exponential where they are pushed; and `service.name` with it.
#[tokio::test(flavor = "multi_thread")]
async fn histograms_are_exponential_for_a_collector() {
    let exporter = InMemoryMetricExporter::default();
    let pushed = export::pushing("order", exporter.clone());
    let meters = Meters::with("order", Some(pushed.clone()));
    meters.histogram(&ORDER_PROCESS_DURATION).record(5.0, &[]);
    tokio::task::spawn_blocking(move || pushed.force_flush()).await.unwrap().unwrap();

    assert!(
        meters.text().contains(r#"order_process_duration_milliseconds_bucket{service="order",le="10"} 1"#)
    );
    let seen = exporter.get_finished_metrics().unwrap();
    let name = seen[0].resource().get(&"service.name".into()).map(|value| value.to_string());
    assert_eq!(name.as_deref(), Some("minuet-order"));
    let metric = seen[0].scope_metrics().next().unwrap().metrics().next().unwrap();
    assert_eq!(metric.name(), ORDER_PROCESS_DURATION.name);
    assert!(
        matches!(metric.data(), AggregatedMetrics::F64(MetricData::ExponentialHistogram(_))),
        "{:?}",
        metric.data()
    );
}

#[test]
fn names_differ_and_buckets_rise() {
    let mut names = std::collections::BTreeSet::new();
    for definition in ALL {
        assert!(names.insert(super::text::name(definition.name, definition.unit, "gauge")), "{definition:?}");
        assert!(definition.help.ends_with('.'), "{definition:?}");
        if let Kind::Histogram(bounds) = definition.kind {
            assert!(bounds.is_sorted(), "{definition:?}");
        }
    }
}
