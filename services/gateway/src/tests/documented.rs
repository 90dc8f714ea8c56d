//! The OpenAPI document against the gateway that it describes.

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Answer, gateway, nothing_known};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(crate::openapi()).unwrap());

/// Holds an answer of any test to the document: its status is told there, and so is each field.
///
/// # Panics
/// If the document does not tell of it.
pub(super) fn assert_documented(method: &Method, path: &str, answer: &Answer) {
    let Some(told) = operation(method, path) else { return };
    let status = answer.status.to_string();
    let response = &told["responses"][&status];
    assert!(
        response.is_object(),
        "{method} {path} answers {status}, which the document does not tell: {answer:?}"
    );
    for header in ["location", "retry-after"] {
        let name = response["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .find(|(name, _)| name.eq_ignore_ascii_case(header));
        assert!(
            answer.header(header).is_empty() || name.is_some(),
            "{method} {path} answers {status} with {header}, which the document does not tell"
        );
    }
    let content = &response["content"];
    let schema =
        content.as_object().and_then(|types| types.values().next()).map(|content| &content["schema"]);
    if let Some(schema) = schema {
        let mut unknown = Vec::new();
        undocumented(schema, &answer.body, "", &mut unknown);
        assert!(unknown.is_empty(), "{method} {path} answers {status} with {unknown:?}: {answer:?}");
    }
}

/// The operation of a path with its parameters filled in.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let segments = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
    let asked = segments(path.split('?').next()?);
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let matches = |known: &str| {
        let known = segments(known);
        let fits = |(known, asked): (&String, &String)| known == asked || known.starts_with('{');
        known.len() == asked.len() && known.iter().zip(&asked).all(fits)
    };
    let (_, operations) = paths.iter().find(|(known, _)| matches(known))?;
    operations.get(method.as_str().to_lowercase())
}

/// The fields of a value that its schema does not name, and those of another type.
fn undocumented(schema: &'static Value, value: &Value, at: &str, unknown: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return undocumented(DOCUMENT.pointer(&reference[1..]).unwrap(), value, at, unknown);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // A field is told if one of the parts tells it.
        let each: Vec<Vec<String>> = parts
            .iter()
            .map(|part| {
                let mut missed = Vec::new();
                undocumented(part, value, at, &mut missed);
                missed
            })
            .collect();
        let told_nowhere = |field: &&String| each.iter().all(|missed| missed.contains(field));
        unknown.extend(each.first().into_iter().flatten().filter(told_nowhere).cloned());
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let each = choices.iter().map(|choice| {
            let mut missed = Vec::new();
            undocumented(choice, value, at, &mut missed);
            missed
        });
        unknown.extend(each.min_by_key(Vec::len).unwrap_or_default());
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => true,
    };
    if !fits {
        unknown.push(format!("{at} ({kind})"));
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{at}/{name}");
                match schema["properties"].get(name) {
                    Some(schema) => undocumented(schema, value, &at, unknown),
                    None => unknown.push(at),
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                undocumented(&schema["items"], value, at, unknown);
            }
        }
        _ => {}
    }
}

#[test]
fn a_field_or_a_type_that_the_document_does_not_tell_is_found() {
    let level = &DOCUMENT["components"]["schemas"]["Level"];
    let mut unknown = Vec::new();
    let value = json!({"warehouse_code": "BER", "available": 1, "reserved": "2", "on_hand": 3, "version": 4, "planted": 5});
    undocumented(level, &value, "", &mut unknown);
    unknown.sort();
    assert_eq!(unknown, ["/planted", "/reserved (string)"]);
    assert!(operation(&Method::GET, "/v1/planted").is_none());
    assert!(operation(&Method::POST, "/v1/orders/1/refund?x=1").is_some());
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let gateway = gateway(nothing_known()).await;
    let document = gateway.anonymous(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(document.status(), 200);
    assert_eq!(document.headers()["content-type"], "application/json");
    let document: Value = document.json().await.unwrap();
    assert_eq!(document, *DOCUMENT);
    let page = gateway.anonymous(Method::GET, "/docs/").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("swagger-ui"));
}

/// An address in `type` that leads nowhere would help nobody.
#[tokio::test]
async fn the_type_of_each_problem_is_an_address_that_answers() {
    let gateway = gateway(nothing_known()).await;
    let refused = gateway.anonymous(Method::GET, "/v1/nothing").send().await.unwrap();
    let problem: Value = refused.json().await.unwrap();
    let told = gateway.anonymous(Method::GET, problem["type"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(told.status(), 200);
    let told: Value = told.json().await.unwrap();
    assert_eq!((&told["type"], &told["title"]), (&problem["type"], &problem["title"]));
    assert!(told["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{told}");
}
