//! Fields that a record's schema does not have. Decoding passes over them, since an older program must read a newer record;
//! a person's misspelt field must not vanish like that.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The path of the first field in `record` that `schema` does not know, such as `lines[2].skuu`.
pub(super) fn unknown_field(schema: &str, record: &Value) -> Result<Option<String>, serde_json::Error> {
    let schema: Value = serde_json::from_str(schema)?;
    let mut named = HashMap::new();
    collect(&schema, &mut named);
    Ok(find(&schema, record, &named, ""))
}

type Named<'a> = HashMap<&'a str, &'a Map<String, Value>>;

/// Records by name: a schema may name one that it defined before.
fn collect<'a>(schema: &'a Value, named: &mut Named<'a>) {
    match schema {
        Value::Array(branches) => branches.iter().for_each(|branch| collect(branch, named)),
        Value::Object(object) => {
            if let (Some(name), Some(_)) = (object.get("name").and_then(Value::as_str), object.get("fields"))
            {
                named.insert(name, object);
            }
            for field in object.get("fields").and_then(Value::as_array).into_iter().flatten() {
                collect(field, named);
            }
            for inner in ["type", "items"].iter().filter_map(|key| object.get(*key)) {
                collect(inner, named);
            }
        }
        _ => {}
    }
}

fn find(schema: &Value, value: &Value, named: &Named<'_>, at: &str) -> Option<String> {
    match (schema, value) {
        (Value::String(name), Value::Object(record)) => {
            // Names may be written with or without their namespace.
            let short = name.rsplit('.').next().unwrap_or(name);
            in_record(named.get(name.as_str()).or_else(|| named.get(short))?, record, named, at)
        }
        (Value::Array(branches), value) => branches.iter().find_map(|branch| find(branch, value, named, at)),
        (Value::Object(schema), Value::Object(record)) if schema.contains_key("fields") => {
            in_record(schema, record, named, at)
        }
        (Value::Object(schema), Value::Array(entries)) => {
            let items = schema.get("items")?;
            entries
                .iter()
                .enumerate()
                .find_map(|(index, entry)| find(items, entry, named, &format!("{at}[{index}]")))
        }
        (Value::Object(schema), value) => match schema.get("type")? {
            inner @ (Value::Object(_) | Value::Array(_)) => find(inner, value, named, at),
            _ => None,
        },
        _ => None,
    }
}

fn in_record(
    schema: &Map<String, Value>,
    record: &Map<String, Value>,
    named: &Named<'_>,
    at: &str,
) -> Option<String> {
    let fields = schema.get("fields")?.as_array()?;
    record.iter().find_map(|(name, value)| {
        let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match fields.iter().find(|field| field.get("name").and_then(Value::as_str) == Some(name)) {
            None => Some(at),
            Some(field) => find(field.get("type")?, value, named, &at),
        }
    })
}

#[cfg(test)]
mod tests {
    use minuet_events::EventType;
    use serde_json::json;

    use super::*;

    fn unknown(record: EventType, value: Value) -> Option<String> {
        unknown_field(record.schema_json(), &value).expect("our own schemas are JSON")
    }

    #[test]
    fn a_field_that_is_not_in_the_schema_is_found_wherever_it_is() {
        let line = |field: &str| json!({"order_id": "x", "lines": [{"sku": "a"}, {"sku": "b", field: 1}]});
        assert_eq!(unknown(EventType::OrderSubmitted, line("quantity")), None);
        assert_eq!(unknown(EventType::OrderSubmitted, line("qty")).as_deref(), Some("lines[1].qty"));
        assert_eq!(unknown(EventType::ProductChanged, json!({"skuu": "a"})).as_deref(), Some("skuu"));
        assert_eq!(unknown(EventType::ProductChanged, json!({"unit_price": {"x": 1}})), None);
        let problems = json!({"problems": [{"code": "c", "sku": null, "detail": "d", "extra": 1}]});
        assert_eq!(unknown(EventType::OrderFailed, problems).as_deref(), Some("problems[0].extra"));
        let allocations = json!({"allocations": [{"sku": "a", "shelf": 1}]});
        assert_eq!(
            unknown(EventType::InventoryReserved, allocations).as_deref(),
            Some("allocations[0].shelf")
        );
    }

    #[test]
    fn no_record_has_a_field_that_marks_a_line_with_headers() {
        for record in EventType::ALL {
            let marker = json!({"value": 1});
            assert_eq!(unknown(*record, marker).as_deref(), Some("value"), "{record}");
        }
    }
}
