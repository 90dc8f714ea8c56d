//! From a line that `minuet audit replay export` gave out to the message that it was.

use minuet_events::values::Micros;
use minuet_events::{Codec, EventType};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::line::{LineError, described, event_of, parsed};

type Header = (String, Option<Vec<u8>>);

/// A message, ready to be sent again as it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Kafka's time of it.
    pub(super) at: Micros,
    pub(super) topic: String,
    pub(super) key: Option<Vec<u8>>,
    pub(super) headers: Vec<Header>,
    pub(super) payload: Option<Vec<u8>>,
}

/// As [`minuet_audit`] writes it; what it adds for the reader's sake is passed over.
#[derive(Deserialize)]
struct Exported {
    topic: String,
    ts: i64,
    #[serde(rename = "type")]
    event_type: Option<String>,
    key: Option<Value>,
    headers: Map<String, Value>,
    value: Value,
}

impl Recorded {
    pub(super) fn read(text: &[u8], codec: &Codec) -> Result<Recorded, LineError> {
        let exported: Exported = described("", parsed(text)?)?;
        let event_type = match exported.event_type.as_deref() {
            None => None,
            Some(name) => Some(EventType::from_name(name).ok_or_else(|| LineError::Field {
                field: "type".into(),
                detail: format!("there is no event {name}"),
            })?),
        };
        let payload = match (event_type, exported.value) {
            (Some(event_type), value) => {
                let event = event_of(event_type, value)?;
                let encoded = codec.encode(&event);
                Some(encoded.map_err(|e| LineError::Field { field: "value".into(), detail: e.to_string() })?)
            }
            (None, Value::Null) => None,
            // What was no event: its bytes.
            (None, Value::String(hex)) => Some(bytes("value", &hex)?),
            (None, _) => return Err(LineError::Field { field: "type".into(), detail: "missing".into() }),
        };
        Ok(Recorded {
            at: Micros::from_millis(exported.ts),
            topic: exported.topic,
            key: exported.key.map(|key| text_of("key", key)).transpose()?.flatten(),
            headers: headers(exported.headers)?,
            payload,
        })
    }
}

/// A header that came several times has a list of values.
fn headers(fields: Map<String, Value>) -> Result<Vec<Header>, LineError> {
    let mut headers = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            let value = text_of(&format!("headers.{name}"), value)?;
            headers.push((name.clone(), value));
        }
    }
    Ok(headers)
}

/// Text, or `{"hex": "..."}` where it was none.
fn text_of(field: &str, value: Value) -> Result<Option<Vec<u8>>, LineError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.into_bytes())),
        Value::Object(fields) => match fields.get("hex").and_then(Value::as_str) {
            Some(hex) => bytes(field, hex).map(Some),
            None => Err(takes(field, "a text, or {\"hex\": ...}")),
        },
        _ => Err(takes(field, "a text, or {\"hex\": ...}")),
    }
}

fn bytes(field: &str, digits: &str) -> Result<Vec<u8>, LineError> {
    hex::decode(digits).map_err(|_| takes(field, "pairs of hex digits"))
}

fn takes(field: &str, what: &str) -> LineError {
    LineError::Field { field: field.to_owned(), detail: format!("takes {what}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(line: Value) -> Result<Recorded, String> {
        Recorded::read(line.to_string().as_bytes(), &Codec::local()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_no_event_keeps_its_bytes() {
        let line = json!({
            "topic": "orders.intake", "partition": 1, "offset": 7, "ts": 1_700_000_000_000_i64, "type": null,
            "key": {"hex": "ff00"}, "headers": {"twice": ["a", {"hex": "fe"}], "empty": null},
            "value": "00ffee", "odd": {"code": "undecodable", "detail": "x"},
        });
        let recorded = read(line).expect("a line");
        assert_eq!((recorded.key, recorded.payload), (Some(vec![0xff, 0]), Some(vec![0, 0xff, 0xee])));
        let header = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
        let wanted = [header("empty", None), header("twice", Some(b"a")), header("twice", Some(b"\xfe"))];
        assert_eq!(recorded.headers, wanted);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let line = |event_type: Value, value: Value| json!({"topic": "t", "ts": 1, "type": event_type, "key": "k", "headers": {}, "value": value});
        for (line, said) in [
            (json!({"ts": 1, "headers": {}, "value": null}), "topic: missing"),
            (line(json!("Nothing"), json!({})), "type: there is no event Nothing"),
            (line(json!(null), json!({})), "type: missing"),
            (line(json!(null), json!("0g")), "value: takes pairs of hex digits"),
            (line(json!("ProductChanged"), json!({"sku": "A"})), "name: missing"),
        ] {
            let error = read(line).expect_err(said);
            assert!(error.contains(said), "{said:?} in {error}");
        }
    }
}
