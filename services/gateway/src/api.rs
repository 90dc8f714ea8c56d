//! The OpenAPI 3.1 document of the gateway, served at `/openapi.json`.
//!
//! [`crate::router`] registers each route together with its operation. The types of answers are those that are sent. Bodies are parsed by
//! hand, so that each problem is named: their types stand in [`bodies`], and tests hold them to the parsers.

pub(crate) mod bodies;

use std::collections::BTreeMap;

use minuet_http::ProblemType;
use serde::Serialize;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use crate::problems;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Minuet",
        version = "1",
        description = "Takes orders and carries each through inventory and payment to a final state.\n\n\
            Each refusal is a problem document (RFC 9457); its `type` is an address below `/problems` that says what to do. Money is a \
            decimal string in its currency. Times are RFC 3339 in UTC. A field may be added to an answer at any time: pass over fields \
            that you do not know. An unknown field in a body is refused."
    ),
    modifiers(&Bearer),
    components(schemas(ProblemDocument)),
    tags(
        (name = "orders", description = "Orders of the caller; all of them with the scope `admin`"),
        (name = "catalogue", description = "Products and their prices; scope `admin`"),
        (name = "stock", description = "Pieces in each warehouse; scope `admin`"),
        (name = "providers", description = "Webhooks of payment providers, who sign them"),
    )
)]
pub(crate) struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Why a request was refused (RFC 9457).
// For the document: `minuet_http::Problem` is what is sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// What kind of problem it is: an address below `/problems`, and stable.
    #[schema(example = "/problems/invalid-request")]
    r#type: String,
    /// The same in each answer of this type.
    title: String,
    /// The answer's status.
    status: u16,
    /// What happened this time, for people; the text may change.
    detail: String,
    /// The path of the resource that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Each field, parameter or header that has a problem; at most 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldProblem>>,
}

/// One problem of one field.
#[derive(Serialize, ToSchema)]
struct FieldProblem {
    /// Where: a field of the body as a path, a parameter or a header.
    #[schema(example = "lines[0].quantity")]
    field: String,
    /// What is wrong, for programs; stable.
    #[schema(example = "quantity_out_of_range")]
    code: String,
    /// What is wrong, for people; the text may change.
    detail: String,
}

/// `Idempotency-Key` of a request that changes something.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct Repeatable {
    /// Makes it safe to repeat the request: the same key is the same request. Bound to method, path and user.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    key: Option<String>,
    /// W3C trace context: the order continues this trace.
    traceparent: Option<String>,
}

/// Headers about waiting.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct Waiting {
    /// `wait=N` waits up to N seconds for the order's end, `respond-async` does not wait (RFC 7240).
    #[param(rename = "Prefer", example = "wait=5")]
    prefer: Option<String>,
}

/// What the client has already.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct Known {
    /// The `ETag` of an earlier answer: if it is the same now, the answer is 304 without a body.
    #[param(rename = "If-None-Match")]
    tag: Option<String>,
}

/// What the client has seen of the thing that it changes. It is compared with what can be read now; of two changes at the same moment both
/// may pass.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct Seen {
    /// The `ETag` of the answer that was seen: if it is another one now, nothing happens and the answer is 412.
    #[param(rename = "If-Match")]
    tag: Option<String>,
    /// `*`: only if there is nothing yet.
    #[param(rename = "If-None-Match")]
    other: Option<String>,
}

/// The refusals that any request may meet.
pub(crate) struct AnyRefusal;

impl IntoResponses for AnyRefusal {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ProblemType::INVALID_QUERY,
            ProblemType::INVALID_HEADER,
            ProblemType::UNAUTHENTICATED,
            ProblemType::INSUFFICIENT_SCOPE,
            ProblemType::NOT_FOUND,
            ProblemType::TOO_MANY_REQUESTS,
            ProblemType::INTERNAL,
            ProblemType::OVERLOADED,
            ProblemType::UNAVAILABLE,
            ProblemType::TIMEOUT,
        ])
    }
}

/// The refusals of a request with a body that changes something, beside [`AnyRefusal`].
pub(crate) struct ChangeRefusal;

impl IntoResponses for ChangeRefusal {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ProblemType::MALFORMED_JSON,
            ProblemType::INVALID_QUERY,
            ProblemType::INVALID_HEADER,
            ProblemType::UNAUTHENTICATED,
            ProblemType::INSUFFICIENT_SCOPE,
            ProblemType::NOT_FOUND,
            ProblemType::REQUEST_TIMEOUT,
            problems::ADJUSTMENT_REFUSED,
            problems::REQUEST_REFUSED,
            problems::PRECONDITION_FAILED,
            problems::PRECONDITION_REQUIRED,
            ProblemType::BODY_TOO_LARGE,
            ProblemType::UNSUPPORTED_MEDIA_TYPE,
            ProblemType::INVALID_REQUEST,
            problems::ORDER_REJECTED,
            problems::IDEMPOTENCY_KEY_REUSED,
            problems::TOO_MANY_EARLY_CANCELLATIONS,
            ProblemType::TOO_MANY_REQUESTS,
            ProblemType::INTERNAL,
            problems::NOT_ACKNOWLEDGED,
            ProblemType::OVERLOADED,
            ProblemType::UNAVAILABLE,
            ProblemType::TIMEOUT,
        ])
    }
}

/// The refusals of a provider's webhook.
pub(crate) struct WebhookRefusal;

impl IntoResponses for WebhookRefusal {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            problems::WEBHOOK_REFUSED,
            ProblemType::MALFORMED_JSON,
            ProblemType::NOT_FOUND,
            ProblemType::REQUEST_TIMEOUT,
            ProblemType::BODY_TOO_LARGE,
            ProblemType::INVALID_REQUEST,
            ProblemType::TOO_MANY_REQUESTS,
            ProblemType::INTERNAL,
            problems::NOT_ACKNOWLEDGED,
            ProblemType::OVERLOADED,
            ProblemType::TIMEOUT,
        ])
    }
}

/// One response for each status, with the titles of its types.
fn refusals(types: &[ProblemType]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<&ProblemType>> = BTreeMap::new();
    for problem in types {
        by_status.entry(problem.status().as_u16()).or_default().push(problem);
    }
    let response = |(status, types): (u16, Vec<&ProblemType>)| {
        let told: Vec<String> =
            types.iter().map(|one| format!("{} (`/problems/{}`)", one.title(), one.slug())).collect();
        let content = Content::new(Some(Ref::from_schema_name("ProblemDocument")));
        let mut response =
            ResponseBuilder::new().description(told.join("; ")).content("application/problem+json", content);
        if matches!(status, 429 | 503 | 504) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer);
            let header =
                HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds until the next try"));
            response = response.header("Retry-After", header.build());
        }
        (status.to_string(), RefOr::T(response.build()))
    };
    by_status.into_iter().map(response).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    fn document() -> Value {
        serde_json::to_value(crate::openapi()).unwrap()
    }

    /// A reference that leads nowhere makes generated clients fail.
    #[test]
    fn each_reference_has_its_schema() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                    Value::String(path) if name == "$ref" => {
                        found.insert(path.clone());
                    }
                    other => references(other, found),
                }),
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let (document, mut found) = (document(), BTreeSet::new());
        references(&document, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for path in found {
            let pointer = path.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{path}");
        }
    }

    #[test]
    fn each_operation_has_a_name_and_needs_a_token_or_a_signature() {
        let document = document();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut names = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(
                    names.insert(operation["operationId"].as_str().map(str::to_owned)),
                    "{method} {path}"
                );
                assert!(
                    operation["summary"].is_string() && operation["security"].is_array(),
                    "{method} {path}"
                );
                let unproved = if path.starts_with("/v1/providers/") { "400" } else { "401" };
                for status in [unproved, "500", "503"] {
                    assert!(operation["responses"][status].is_object(), "{method} {path}: no {status}");
                }
            }
        }
        assert_eq!(names.len(), 10, "{names:?}");
    }

    /// An unknown field is refused: the schema of each body must say so.
    #[test]
    fn a_body_takes_no_unknown_field() {
        let document = document();
        for name in ["NewOrder", "NewLine", "NewMoney", "Reason", "NewProduct", "NewAdjustment"] {
            let schema = &document["components"]["schemas"][name];
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}: {schema}");
        }
    }
}
