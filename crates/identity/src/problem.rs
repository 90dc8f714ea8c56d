//! Every answer that is not a success: RFC 9457 problem details. `type` is stable and never reused for something else; `detail`
//! is for people and may change.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// More than this many entries in `errors` would make a small hostile body a large answer.
const MOST_ERRORS: usize = 1_000;

/// One problem type. Its slug is part of the contract with clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    MalformedJson,
    InvalidQuery,
    InvalidHeader,
    Unauthenticated,
    InsufficientScope,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    AdjustmentRefused,
    /// A cancellation or a refund that the dance refused; `detail` is its reason.
    RequestRefused,
    /// A parked event was discarded before.
    AlreadyDiscarded,
    BodyTooLarge,
    UnsupportedMediaType,
    InvalidRequest,
    OrderRejected,
    /// The key was used before, for another request.
    IdempotencyKeyReused,
    Internal,
    /// This instance has as many requests open as it takes.
    Overloaded,
    /// Kafka did not acknowledge the event in time. It may arrive all the same.
    NotAcknowledged,
    /// A service behind the gateway does not answer.
    Unavailable,
    /// A service behind the gateway, or the whole request, took too long.
    Timeout,
}

impl Kind {
    fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Kind::MalformedJson => (StatusCode::BAD_REQUEST, "malformed-json", "The body is not JSON"),
            Kind::InvalidQuery => (StatusCode::BAD_REQUEST, "invalid-query", "The query string is not valid"),
            Kind::InvalidHeader => (StatusCode::BAD_REQUEST, "invalid-header", "A header is not valid"),
            Kind::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "A valid bearer token is required")
            }
            Kind::InsufficientScope => (
                StatusCode::FORBIDDEN,
                "insufficient-scope",
                "The token does not carry the scope that this needs",
            ),
            Kind::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Kind::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This path does not take that method")
            }
            Kind::RequestTimeout => {
                (StatusCode::REQUEST_TIMEOUT, "request-timeout", "The body did not arrive in time")
            }
            Kind::AdjustmentRefused => {
                (StatusCode::CONFLICT, "adjustment-refused", "The stock adjustment was refused")
            }
            Kind::RequestRefused => {
                (StatusCode::CONFLICT, "request-refused", "The order does not allow that")
            }
            Kind::AlreadyDiscarded => {
                (StatusCode::CONFLICT, "already-discarded", "The parked event was discarded before")
            }
            Kind::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
            Kind::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be application/json",
            ),
            Kind::InvalidRequest => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-request", "The request has problems")
            }
            Kind::OrderRejected => {
                (StatusCode::UNPROCESSABLE_ENTITY, "order-rejected", "The order was rejected")
            }
            Kind::IdempotencyKeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key was used for another request",
            ),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here"),
            Kind::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too many requests are open"),
            Kind::NotAcknowledged => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not-acknowledged",
                "The request was not acknowledged in time",
            ),
            Kind::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "A part of the system does not answer")
            }
            Kind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout", "A part of the system took too long"),
        }
    }

    pub fn status(self) -> StatusCode {
        self.words().0
    }
}

/// One entry of `errors`: where, what (a stable code), and the same for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    pub field: String,
    pub code: Cow<'static, str>,
    pub detail: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        FieldError { field: field.into(), code: Cow::Borrowed(code), detail: detail.into() }
    }
}

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    instance: Option<String>,
    retry_after_s: Option<u32>,
    challenge: Option<&'static str>,
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_s = match kind.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Some(1),
            _ => None,
        };
        Problem {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            instance: None,
            retry_after_s,
            challenge: None,
        }
    }

    pub fn with_errors(kind: Kind, mut errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.field, only.detail),
            several => format!("{} problems, listed in errors", several.len()),
        };
        errors.truncate(MOST_ERRORS);
        Problem { errors, ..Problem::new(kind, detail) }
    }

    /// The thing that the problem is about, as a path: an order that exists although it was rejected.
    pub fn about(self, path: String) -> Self {
        Problem { instance: Some(path), ..self }
    }

    /// The `WWW-Authenticate` that belongs to a 401 or 403 (RFC 6750).
    pub fn challenge(self, challenge: &'static str) -> Self {
        Problem { challenge: Some(challenge), ..self }
    }

    pub fn not_found() -> Self {
        Problem::new(Kind::NotFound, "nothing is known under this path")
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, slug, title) = self.kind.words();
        let body = Body {
            kind: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            instance: self.instance.as_deref(),
            errors: &self.errors,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// Replaces what axum itself refuses, in plain text: a path that is not UTF-8, a query that cannot be read.
pub async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_json = |value: &HeaderValue| value.as_bytes().ends_with(b"json");
    let ours = response.headers().get(CONTENT_TYPE).is_some_and(is_json);
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(Kind::MethodNotAllowed, "the header allow names what this path takes")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Kind::BodyTooLarge, "the request is too large"),
        status if status.is_client_error() => {
            Problem::new(Kind::InvalidQuery, "the path or its query cannot be read")
        }
        _ => Problem::new(Kind::Internal, "something went wrong here"),
    };
    let mut replaced = problem.into_response();
    if let Some(allow) = response.headers().get(ALLOW) {
        replaced.headers_mut().insert(ALLOW, allow.clone());
    }
    replaced
}
