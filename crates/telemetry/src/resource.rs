//! The OpenTelemetry resource: which process of which service sends telemetry.

use std::env;
use std::sync::OnceLock;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};

/// The id of this process. A restarted process has another one, so that its work can be told from the work of the process
/// before.
pub(crate) fn instance() -> &'static str {
    static INSTANCE: OnceLock<String> = OnceLock::new();
    INSTANCE.get_or_init(|| uuid::Uuid::new_v4().simple().to_string())
}

/// The resource of one service. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win.
pub(crate) fn of(service: &str) -> Resource {
    let own = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", format!("minuet-{service}")),
        KeyValue::new("service.namespace", "minuet"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance()),
    ]);
    let with_env =
        own.with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.is_empty() => with_env.with_service_name(name).build(),
        _ => with_env.build(),
    }
}
