//! An Avro schema as rows for a reader.

use serde_yaml_ng::Value;

use super::error::ContractError;

/// A field of a record. Fields of records within are named by their path, such as `lines[].sku`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) shape: String,
    /// As JSON. `None`: the field has none, so a writer always sets the field.
    pub(super) default: Option<String>,
    pub(super) doc: String,
}

/// A schema, with the order of its keys kept: JSON is YAML.
pub(super) fn parsed(schema: &str) -> Result<Value, ContractError> {
    Ok(serde_yaml_ng::from_str(schema)?)
}

/// The record's own text.
pub(super) fn doc(schema: &Value) -> &str {
    text(schema, "doc")
}

pub(super) fn fields(schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(schema, "", &mut fields);
    fields
}

fn collect(record: &Value, at: &str, into: &mut Vec<Field>) {
    for field in record.get("fields").and_then(Value::as_sequence).into_iter().flatten() {
        let path = format!("{at}{}", text(field, "name"));
        let (shape, inner) = field.get("type").map(|kind| shape(kind)).unwrap_or_default();
        let default = field.get("default").map(|value| match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::String(value) => format!("{value:?}"),
            Value::Sequence(_) => "[]".to_owned(),
            Value::Mapping(_) | Value::Tagged(_) => "{}".to_owned(),
        });
        let within = if shape.starts_with("array") { format!("{path}[].") } else { format!("{path}.") };
        into.push(Field { path, shape, default, doc: text(field, "doc").to_owned() });
        if let Some(record) = inner {
            collect(record, &within, into);
        }
    }
}

/// A type in a few words, and the record within the type, if there is one.
fn shape(kind: &Value) -> (String, Option<&Value>) {
    match kind {
        Value::String(name) => (name.clone(), None),
        Value::Sequence(branches) => {
            let branches: Vec<_> = branches.iter().map(shape).collect();
            let names: Vec<&str> = branches.iter().map(|(name, _)| name.as_str()).collect();
            (names.join(" or "), branches.iter().find_map(|(_, inner)| *inner))
        }
        kind => match (text(kind, "logicalType"), text(kind, "type")) {
            ("decimal", of) => {
                let number = |name| kind.get(name).and_then(Value::as_u64).unwrap_or_default();
                (format!("decimal({}, {}) in {of}", number("precision"), number("scale")), None)
            }
            ("", "record") => (text(kind, "name").to_owned(), Some(kind)),
            ("", "array") => {
                let (of, inner) = kind.get("items").map(shape).unwrap_or_default();
                (format!("array of {of}"), inner)
            }
            ("", other) => (other.to_owned(), None),
            (logical, of) => (format!("{logical} in {of}"), None),
        },
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_within_are_named_by_their_path() {
        let schema = parsed(
            r#"{"type": "record", "name": "A", "fields": [
                {"name": "id", "type": "string", "doc": "Which."},
                {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "L", "fields": [
                    {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 19, "scale": 4}], "default": null}]}}},
                {"name": "total", "type": ["null", {"type": "record", "name": "T", "fields": [
                    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}], "default": null}]}"#,
        )
        .expect("a schema");
        let rows: Vec<_> = fields(&schema)
            .into_iter()
            .map(|field| format!("{}|{}|{:?}|{}", field.path, field.shape, field.default, field.doc))
            .collect();
        assert_eq!(
            rows,
            [
                "id|string|None|Which.",
                "lines|array of L|None|",
                "lines[].price|null or decimal(19, 4) in bytes|Some(\"null\")|",
                "total|null or T|Some(\"null\")|",
                "total.at|timestamp-micros in long|None|",
            ]
        );
    }
}
