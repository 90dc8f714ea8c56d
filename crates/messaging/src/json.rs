//! What was recorded, as JSON that shows all of it: text where it is text, else its bytes.

use serde_json::{Map, Value, json};

/// A header that comes several times has a list of values.
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

/// Text; what is none, in hex and said so.
pub fn text(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({"hex": hex(bytes)}),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}
