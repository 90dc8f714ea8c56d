//! From one line of JSON to an event with all its headers.

use minuet_events::trace::with_order;
use minuet_events::values::{Micros, OrderId, Sku};
use minuet_events::{Envelope, EnvelopeError, Event, EventType, HEADERS, HeaderField, TraceContext};
use minuet_text::json::JsonError;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::fields::unknown_field;

const SOURCE: &str = "/minuet/produce";
/// What is wrong with a line. Each names the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    #[error("no JSON: {detail} (column {column})")]
    Syntax { detail: String, column: usize },
    #[error("{detail}")]
    Inadmissible { detail: String },
    #[error("{path}: stands twice in its object (column {column})")]
    Repeated { path: String, column: usize },
    #[error("longer than {limit} bytes, more than a topic takes")]
    TooLong { limit: u64 },
    #[error("takes an object, {{...}}")]
    NoObject,
    #[error("{field}: {detail}")]
    Field { field: String, detail: String },
    #[error("{field}: {record} has no such field")]
    UnknownField { field: String, record: EventType },
    #[error("headers.{header}: no header of the contract; there are {}", HEADERS.map(|field| field.name).join(", "))]
    UnknownHeader { header: String },
    #[error("headers: {0}")]
    Header(#[from] EnvelopeError),
    #[error("headers.{header}: {detail}")]
    HeaderValue { header: &'static str, detail: String },
    #[error("key: missing; beside a null value it alone says what is gone")]
    NoKey,
    #[error("key: {detail}")]
    WrongKey { detail: String },
    #[error("key: `{given}` is not the record's own, `{own}`; --force-key sends it all the same")]
    Key { given: String, own: String },
}

/// How lines are read: the same for all of them.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) event_type: EventType,
    /// `--key`
    pub(super) key: Option<String>,
    pub(super) force_key: bool,
}

/// Ready to be sent.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) envelope: Envelope,
    /// None: what the key names is gone.
    pub(super) event: Option<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithHeaders {
    value: Value,
    key: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
}

impl Reading {
    /// `id` and `now` are those of the event where the line does not say otherwise.
    pub(super) fn read(&self, text: &[u8], id: Uuid, now: Micros) -> Result<Line, LineError> {
        let WithHeaders { value, key, headers } = match parsed(text)? {
            Value::Object(fields) if fields.contains_key("value") => described("", Value::Object(fields))?,
            Value::Object(fields) => {
                WithHeaders { value: Value::Object(fields), key: None, headers: Map::new() }
            }
            _ => return Err(LineError::NoObject),
        };
        let given = key.or_else(|| self.key.clone());
        if value.is_null() && self.event_type == EventType::ProductChanged {
            let key = given.ok_or(LineError::NoKey)?;
            Sku::parse(&key).map_err(|error| LineError::WrongKey { detail: error.to_string() })?;
            let envelope = self.envelope(&key, None, headers, id, now)?;
            return Ok(Line { key, envelope, event: None });
        }
        let event = event_of(self.event_type, value)?;
        // A service would park it.
        event.check_admissible().map_err(|error| LineError::Inadmissible { detail: error.detail })?;
        let own = event.key();
        let key = given.unwrap_or_else(|| own.clone());
        if key != own && !self.force_key {
            return Err(LineError::Key { given: key, own });
        }
        let envelope = self.envelope(&own, order_of(&event), headers, id, now)?;
        Ok(Line { key, envelope, event: Some(event) })
    }

    fn envelope(
        &self,
        key: &str,
        order: Option<OrderId>,
        given: Map<String, Value>,
        id: Uuid,
        now: Micros,
    ) -> Result<Envelope, LineError> {
        let mut headers: Vec<(&'static str, String)> = vec![];
        for (name, value) in given {
            let Some(HeaderField { name: header, .. }) = HEADERS.into_iter().find(|field| field.name == name)
            else {
                return Err(LineError::UnknownHeader { header: name });
            };
            match value {
                Value::String(value) => headers.push((header, value)),
                Value::Null => {}
                _ => return Err(LineError::HeaderValue { header, detail: "takes a text".into() }),
            }
        }
        let has = |headers: &[(&str, String)], name: &str| headers.iter().any(|(header, _)| *header == name);
        let ce_type = self.event_type.ce_type().to_owned();
        for (name, value) in
            [("ce_id", id.to_string()), ("ce_source", SOURCE.to_owned()), ("ce_type", ce_type)]
        {
            if !has(&headers, name) {
                headers.push((name, value));
            }
        }
        let find =
            |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str());
        let mut envelope = Envelope::from_headers(|name| find(name).map(str::as_bytes), Some(key), now)?;
        if envelope.event_type != self.event_type {
            let detail = format!("names another event than {}", self.event_type);
            return Err(LineError::HeaderValue { header: "ce_type", detail });
        }
        // Consumers start a new trace where this is broken; who writes it by hand wants to know.
        let (parent, state, baggage) = (find("traceparent"), find("tracestate"), find("baggage"));
        if parent.is_some_and(|parent| TraceContext::parse(parent, state, baggage).is_none()) {
            let detail = "takes W3C trace context: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>".into();
            return Err(LineError::HeaderValue { header: "traceparent", detail });
        }
        if let Some(order) = order {
            envelope.trace = with_order(&envelope.trace, order);
        }
        Ok(envelope)
    }
}

pub(super) fn parsed(text: &[u8]) -> Result<Value, LineError> {
    minuet_text::json::parse(text).map_err(|error| match error {
        JsonError::Syntax(error) => {
            LineError::Syntax { detail: without_position(&error), column: error.column() }
        }
        JsonError::RepeatedName { path, column, .. } => LineError::Repeated { path, column },
    })
}

pub(super) fn event_of(record: EventType, value: Value) -> Result<Event, LineError> {
    if !value.is_object() {
        return Err(LineError::Field { field: "value".into(), detail: "takes an object, {...}".into() });
    }
    match unknown_field(record.schema_json(), &value) {
        Ok(None) => {}
        Ok(Some(field)) => return Err(LineError::UnknownField { field, record }),
        Err(error) => return Err(LineError::Field { field: "schema".into(), detail: error.to_string() }),
    }
    let mut track = serde_path_to_error::Track::new();
    let read = record.deserialize(serde_path_to_error::Deserializer::new(value, &mut track));
    read.map_err(|error: serde_json::Error| field_error(&track.path().to_string(), &error))
}

/// The order that an event is about; None for a product or stock, whose key is a sku.
fn order_of(event: &Event) -> Option<OrderId> {
    match event {
        Event::ProductChanged(_)
        | Event::StockAdjusted(_)
        | Event::StockLevelChanged(_)
        | Event::StockAdjustmentRejected(_)
        | Event::EventParked(_) => None,
        _ => event.key().parse().ok(),
    }
}

pub(super) fn described<T: serde::de::DeserializeOwned>(at: &str, value: Value) -> Result<T, LineError> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| field_error(&format!("{at}{}", error.path()), error.inner()))
}

/// serde names a missing field in its words only.
fn field_error(path: &str, error: &serde_json::Error) -> LineError {
    let detail = without_position(error);
    let path = if path == "." { "" } else { path };
    if let Some(name) = detail.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        let field = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        return LineError::Field { field, detail: "missing".into() };
    }
    let field = if path.is_empty() { "record".to_owned() } else { path.to_owned() };
    LineError::Field { field, detail }
}

/// serde_json ends with " at line 1 column 5"; the line is counted by us, across the input.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(detail, _)| detail.to_owned())
}

#[cfg(test)]
mod tests;
