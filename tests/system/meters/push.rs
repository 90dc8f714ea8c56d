//! What a collector is sent, as the `OTEL_*` variables say.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use minuet_tests::{Folder, World, until};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;

type Seen = Arc<Mutex<Vec<ExportMetricsServiceRequest>>>;

/// Takes whatever is posted, and keeps the meters. Answers with its address.
async fn collector(seen: Seen) -> String {
    let take = move |uri: Uri, body: Bytes| {
        if uri.path() == "/v1/metrics" {
            let request = ExportMetricsServiceRequest::decode(body).expect("meters in protobuf");
            seen.lock().push(request);
        }
        std::future::ready(())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().fallback(take)).into_future());
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn meters_are_pushed_with_exponential_histograms() {
    let (world, folder) = (World::new().await, Folder::new());
    let seen = Seen::default();
    let endpoint = collector(Arc::clone(&seen)).await;
    let order = world
        .process(&folder, "order")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "300")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        .start();
    order.url().await;
    // Refused at once: no product is known. So one service is enough for an order's whole life.
    let rejected = world.submit(&[("NOWHERE", 1)]).await;
    world.await_status(rejected, "failed").await;

    until("the order is counted at the collector", || async {
        let seen = seen.lock();
        let Some(last) = seen.last() else { return Err(String::new()) };
        let of = &last.resource_metrics[0];
        let attributes = &of.resource.as_ref().unwrap().attributes;
        let attribute = |key: &str| {
            let found = attributes.iter().find(|attribute| attribute.key == key)?;
            match found.value.as_ref()?.value.as_ref()? {
                Value::StringValue(text) => Some(text.clone()),
                _ => None,
            }
        };
        assert_eq!(attribute("service.name").as_deref(), Some("minuet-order"));
        assert_eq!(attribute("deployment.environment.name").as_deref(), Some("test"));
        let data = |name: &str| {
            let mut metrics = of.scope_metrics.iter().flat_map(|scope| &scope.metrics);
            metrics.find(|metric| metric.name == name).and_then(|metric| metric.data.as_ref())
        };
        let failed = match data("order.process.duration") {
            Some(Data::ExponentialHistogram(histogram)) => {
                histogram.data_points.iter().map(|p| p.count).sum()
            }
            None => 0,
            other => panic!("no exponential histogram: {other:?}"),
        };
        let counted = matches!(data("order.create.count"), Some(Data::Sum(sum)) if sum.is_monotonic);
        let gauge = matches!(data("outbox.depth"), Some(Data::Gauge(_)));
        if failed == 1 && counted && gauge { Ok(()) } else { Err(format!("{of:#?}")) }
    })
    .await;
}
