//! JSON in which no object has a name twice. Parsers differ in which of the two counts (RFC 8259, 4): a proxy may check the one
//! and a service act on the other.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why text is not taken as JSON.
#[derive(Debug)]
pub enum JsonError {
    /// The text is no JSON.
    Syntax(serde_json::Error),
    /// An object has a name twice.
    RepeatedName {
        /// Where: `lines[2].sku`. Cut off where it is very long.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
}

impl JsonError {
    /// The line of the text, from 1.
    pub fn line(&self) -> usize {
        match self {
            JsonError::Syntax(error) => error.line(),
            JsonError::RepeatedName { line, .. } => *line,
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Syntax(error) => error.fmt(f),
            JsonError::RepeatedName { path, line, column } => {
                write!(f, "{path:?} is repeated in its object at line {line} column {column}")
            }
        }
    }
}

impl Error for JsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JsonError::Syntax(error) => error.source(),
            JsonError::RepeatedName { .. } => None,
        }
    }
}

/// Reads one JSON text.
///
/// # Errors
/// The text is no JSON, or an object has a name twice.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let repeated = RefCell::new(None);
    let unique = Unique { path: &Path::Root, repeated: &repeated };
    let read = unique.deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    read.map_err(|error| match repeated.take() {
        Some(path) => JsonError::RepeatedName { path, line: error.line(), column: error.column() },
        None => JsonError::Syntax(error),
    })
}

/// Where a value stands. A list that borrows: a path is made into text only where it is told.
enum Path<'a> {
    Root,
    Name(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

/// As the errors of a body name a field: `lines[2].sku`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Name(Path::Root, name) => f.write_str(name),
            Path::Name(parent, name) => write!(f, "{parent}.{name}"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[derive(Clone, Copy)]
struct Unique<'a> {
    path: &'a Path<'a>,
    /// The path of the name that is repeated.
    repeated: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let path = Path::Index(self.path, values.len());
            match entries.next_element_seed(Unique { path: &path, ..self })? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let path = Path::Name(self.path, &name);
            if object.contains_key(&name) {
                self.repeated.replace(Some(path.to_string().chars().take(MAX_PATH).collect()));
                return Err(A::Error::custom("a repeated name"));
            }
            let value = entries.next_value_seed(Unique { path: &path, ..self })?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// The longest path that an error repeats, in characters.
const MAX_PATH: usize = 200;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_repeated_name_is_named() {
        for (text, path) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"a":1,"b":2,"\u0061":3}"#, "a"),
            (r#"{"lines":[{"sku":"x"},{"sku":"y","quantity":1,"quantity":2}]}"#, "lines[1].quantity"),
            (r#"{"a":{"b":{"c":[[{"d":null,"d":null}]]}}}"#, "a.b.c[0][0].d"),
            (r#"[{"a":1},{"":1,"":2}]"#, "[1]."),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(
                matches!(&error, JsonError::RepeatedName { path: found, .. } if found == path),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        let name = "x".repeat(60_000);
        let error = parse(format!(r#"{{"{name}":1,"{name}":2}}"#).as_bytes()).unwrap_err().to_string();
        assert!(error.len() < 300, "{} bytes", error.len());
    }

    #[test]
    fn what_is_no_json_is_refused_as_before() {
        for text in ["", "{", "{} {}", "[1,]", "\u{0}", "nonsense", r#"{"a":1e999}"#] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse("[".repeat(60_000).as_bytes()).is_err(), "too deep");
        assert!(parse(b"\"\xff\"").is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300f64..1e300).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn other_json_is_read_as_serde_reads_it(value in any_json()) {
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap(), serde_json::from_str::<Value>(&value.to_string()).unwrap());
        }
    }
}
