//! Recorded messages as JSON without loss: text where the bytes are UTF-8, else hex.

use serde_json::{Map, Value, json};

/// Headers by name. A name that occurs several times has a list of values.
pub fn headers<N: AsRef<str>, B: AsRef<[u8]>>(headers: &[(N, Option<B>)]) -> Value {
    let mut fields = Map::new();
    for (name, value) in headers {
        let (name, value) = (name.as_ref(), value.as_ref().map_or(Value::Null, |value| text(value.as_ref())));
        match fields.get_mut(name) {
            None => drop(fields.insert(name.to_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(fields)
}

/// The bytes as a JSON string, or as `{"hex": "..."}` if they are not UTF-8.
pub fn text(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({"hex": hex(bytes)}),
    }
}

/// The bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}
