//! A span and a log line as they came in, without what nobody here looks at.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::{Span as Wire, span, status::StatusCode};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SpanKind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    pub trace_id: String,
    pub span_id: String,
    /// Empty: a root.
    pub parent_id: String,
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    /// Nanoseconds since 1970.
    pub start: u64,
    pub end: u64,
    pub attributes: Vec<(String, String)>,
    /// Trace and span, and what it is to this one.
    pub links: Vec<(String, String, String)>,
    pub events: Vec<(String, Vec<(String, String)>)>,
    /// Why it failed. None: it did not.
    pub error: Option<String>,
}

impl Span {
    pub(crate) fn read(service: &str, wire: Wire) -> Span {
        let error = wire.status.filter(|status| status.code == StatusCode::Error as i32);
        let link = |link: span::Link| {
            let why = link.attributes.first().map(|kv| text(kv.value.as_ref())).unwrap_or_default();
            (hex::encode(&link.trace_id), hex::encode(&link.span_id), why)
        };
        Span {
            trace_id: hex::encode(&wire.trace_id),
            span_id: hex::encode(&wire.span_id),
            parent_id: hex::encode(&wire.parent_span_id),
            service: service.to_owned(),
            kind: match span::SpanKind::try_from(wire.kind) {
                Ok(span::SpanKind::Server) => SpanKind::Server,
                Ok(span::SpanKind::Client) => SpanKind::Client,
                Ok(span::SpanKind::Producer) => SpanKind::Producer,
                Ok(span::SpanKind::Consumer) => SpanKind::Consumer,
                _ => SpanKind::Internal,
            },
            name: wire.name,
            start: wire.start_time_unix_nano,
            end: wire.end_time_unix_nano,
            attributes: pairs(wire.attributes),
            links: wire.links.into_iter().map(link).collect(),
            events: wire.events.into_iter().map(|event| (event.name, pairs(event.attributes))).collect(),
            error: error.map(|status| status.message),
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogLine {
    /// Empty: written outside of any trace.
    pub trace_id: String,
    pub span_id: String,
    pub service: String,
    pub body: String,
    pub attributes: Vec<(String, String)>,
}

impl LogLine {
    pub(crate) fn read(service: &str, wire: LogRecord) -> LogLine {
        LogLine {
            trace_id: hex::encode(&wire.trace_id),
            span_id: hex::encode(&wire.span_id),
            service: service.to_owned(),
            body: text(wire.body.as_ref()),
            attributes: pairs(wire.attributes),
        }
    }
}

pub(crate) fn pairs(attributes: Vec<KeyValue>) -> Vec<(String, String)> {
    attributes.into_iter().map(|kv| (kv.key, text(kv.value.as_ref()))).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}
