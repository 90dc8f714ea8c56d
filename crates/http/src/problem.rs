//! Errors as problem documents (RFC 9457). `type` is stable, and a slug is never reused for another meaning; `detail` is for
//! people and may change.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use minuet_text::json::JsonError;
use serde::Serialize;

/// The most entries of `errors`. Without a bound a small hostile body could cause a large answer.
const MAX_ERRORS: usize = 1_000;
/// When a client may try again after 503 and 504.
const RETRY_AFTER_S: u64 = 1;

/// A problem type (RFC 9457, 3.1.1). The slug is part of the contract with clients.
///
/// The constants are the types that any HTTP server has. A server adds its own:
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::IntoResponse;
/// use minuet_http::{Problem, ProblemType};
///
/// const ADDRESS_UNKNOWN: ProblemType =
///     ProblemType::new(StatusCode::CONFLICT, "address-unknown", "The address is not known", "Register the address first.");
///
/// let answer = Problem::new(ADDRESS_UNKNOWN, "no street of that name").into_response();
/// assert_eq!(answer.status(), StatusCode::CONFLICT);
/// assert_eq!(answer.headers()["content-type"], "application/problem+json");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    remedy: &'static str,
}

impl ProblemType {
    /// The types that any server answers with.
    pub const COMMON: &'static [Self] = &[
        Self::MALFORMED_JSON,
        Self::MALFORMED_REQUEST,
        Self::URI_TOO_LONG,
        Self::HEADERS_TOO_LARGE,
        Self::INVALID_QUERY,
        Self::INVALID_HEADER,
        Self::UNAUTHENTICATED,
        Self::INSUFFICIENT_SCOPE,
        Self::NOT_FOUND,
        Self::METHOD_NOT_ALLOWED,
        Self::REQUEST_TIMEOUT,
        Self::BODY_TOO_LARGE,
        Self::UNSUPPORTED_MEDIA_TYPE,
        Self::INVALID_REQUEST,
        Self::TOO_MANY_REQUESTS,
        Self::INTERNAL,
        Self::OVERLOADED,
        Self::UNAVAILABLE,
        Self::TIMEOUT,
    ];

    /// 400
    pub const MALFORMED_JSON: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "malformed-json",
        "The body is not JSON",
        "Send valid JSON (RFC 8259) in UTF-8, each name once in its object. `errors` names a name that stands twice.",
    );
    /// 400: no HTTP that can be read. The HTTP library refuses it, before a route is chosen.
    pub const MALFORMED_REQUEST: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "malformed-request",
        "The request is not valid HTTP",
        "Send valid HTTP/1.1 or HTTP/2. A library or a proxy on the way has sent something else.",
    );
    /// 414: from the HTTP library.
    pub const URI_TOO_LONG: Self = Self::new(
        StatusCode::URI_TOO_LONG,
        "uri-too-long",
        "The request's target is too long",
        "Shorten the path and the query.",
    );
    /// 431: from the HTTP library.
    pub const HEADERS_TOO_LARGE: Self = Self::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers-too-large",
        "The request's headers are too large",
        "Send fewer or shorter headers.",
    );
    /// 400: the query string or the path.
    pub const INVALID_QUERY: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "invalid-query",
        "The query string is not valid",
        "Correct the parameters that `errors` names; names and values are percent-encoded UTF-8.",
    );
    /// 400
    pub const INVALID_HEADER: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "invalid-header",
        "A header is not valid",
        "Correct the header that `detail` names.",
    );
    /// 401
    pub const UNAUTHENTICATED: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "A valid bearer token is required",
        "Send `Authorization: Bearer TOKEN` with a token that is valid now. `detail` says what is wrong with this one.",
    );
    /// 403
    pub const INSUFFICIENT_SCOPE: Self = Self::new(
        StatusCode::FORBIDDEN,
        "insufficient-scope",
        "The token does not carry the scope that this needs",
        "Ask for a token that carries the scope, or ask for your own things only.",
    );
    /// 404
    pub const NOT_FOUND: Self = Self::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "There is no such thing",
        "Correct the path or the id. What belongs to another user is not told apart from what does not exist.",
    );
    /// 405
    pub const METHOD_NOT_ALLOWED: Self = Self::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "This path does not take that method",
        "Use a method that the header `Allow` names.",
    );
    /// 408: the body was too slow.
    pub const REQUEST_TIMEOUT: Self = Self::new(
        StatusCode::REQUEST_TIMEOUT,
        "request-timeout",
        "The body did not arrive in time",
        "Send the body without pauses, then the request again. Nothing has happened.",
    );
    /// 413
    pub const BODY_TOO_LARGE: Self = Self::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The body is too large",
        "Send a smaller body.",
    );
    /// 415
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The body must be application/json",
        "Send `Content-Type: application/json`.",
    );
    /// 422: see `errors`.
    pub const INVALID_REQUEST: Self = Self::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-request",
        "The request has problems",
        "Correct each field that `errors` names; `code` is for programs and stays the same, `detail` is for people. Nothing has happened.",
    );
    /// 429: this caller has sent as many requests as it may.
    pub const TOO_MANY_REQUESTS: Self = Self::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "This caller sends too many requests",
        "Wait for the seconds of `Retry-After`, then send the request again; `RateLimit` tells what is left. Nothing has happened.",
    );
    /// 500
    pub const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "Something went wrong here",
        "Tell the operator the time and the path. The request may have had its effect: repeat it under the same Idempotency-Key.",
    );
    /// 503: as many requests are open as this process takes.
    pub const OVERLOADED: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "overloaded",
        "Too many requests are open",
        "Wait for the seconds of `Retry-After`, then send the request again. Nothing has happened.",
    );
    /// 503: a dependency of this process does not answer.
    pub const UNAVAILABLE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "A part of the system does not answer",
        "Wait for the seconds of `Retry-After`, then send the request again, with a change under the same Idempotency-Key.",
    );
    /// 504: a dependency of this process, or the whole request, took too long.
    pub const TIMEOUT: Self = Self::new(
        StatusCode::GATEWAY_TIMEOUT,
        "timeout",
        "A part of the system took too long",
        "Send the request again, with a change under the same Idempotency-Key: it may have had its effect.",
    );

    /// A type of a server's own. `slug` must be unique among the types that the server answers with. `remedy` says what the client
    /// does about it.
    pub const fn new(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        remedy: &'static str,
    ) -> Self {
        ProblemType { status, slug, title, remedy }
    }

    /// The status of an answer of this type.
    pub const fn status(self) -> StatusCode {
        self.status
    }

    /// The last segment of the type's URI: `/problems/<slug>`.
    pub const fn slug(self) -> &'static str {
        self.slug
    }

    /// What the type means, the same in each answer.
    pub const fn title(self) -> &'static str {
        self.title
    }

    /// What the client does about it.
    pub const fn remedy(self) -> &'static str {
        self.remedy
    }
}

/// One entry of `errors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where: a field of the body as a path, a parameter or a header.
    pub field: String,
    /// What is wrong: a stable code for programs.
    pub code: Cow<'static, str>,
    /// What is wrong, for people. The text may change.
    pub detail: String,
}

impl FieldError {
    /// One problem of one field.
    pub fn new(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        FieldError { field: field.into(), code: Cow::Borrowed(code), detail: detail.into() }
    }
}

/// An answer that is not a success: a problem document (RFC 9457) of type `application/problem+json`.
#[derive(Clone, Debug)]
pub struct Problem {
    problem_type: ProblemType,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// Boxed: most problems have none, and a problem is the error of many functions.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default)]
struct More {
    instance: Option<Box<str>>,
    challenge: Option<&'static str>,
    /// Seconds.
    retry_after: Option<u64>,
}

impl Problem {
    /// `detail` says what happened this time, for people. With 503 and 504 the answer carries `Retry-After: 1`.
    pub fn new(problem_type: ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem { problem_type, detail: detail.into(), errors: Vec::new(), more: None }
    }

    /// A request with one problem or more, each in `errors`; at most 1,000 are listed.
    pub fn with_errors(problem_type: ProblemType, mut errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.field, only.detail),
            several => format!("{} problems, listed in errors", several.len()),
        };
        errors.truncate(MAX_ERRORS);
        Problem { errors, ..Problem::new(problem_type, detail) }
    }

    /// Sets `instance`: the path of the resource that the problem is about.
    #[must_use]
    pub fn about(mut self, path: String) -> Self {
        self.more().instance = Some(path.into_boxed_str());
        self
    }

    /// Sets the header `WWW-Authenticate`, which belongs to a 401 or 403 (RFC 6750).
    #[must_use]
    pub fn challenge(mut self, challenge: &'static str) -> Self {
        self.more().challenge = Some(challenge);
        self
    }

    /// Sets the header `Retry-After`: the seconds until the client may try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.more().retry_after = Some(seconds);
        self
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// 404 for a path that no route has.
    pub fn not_found() -> Self {
        Problem::new(ProblemType::NOT_FOUND, "nothing is known under this path")
    }

    /// The type that this problem was made with.
    pub fn problem_type(&self) -> ProblemType {
        self.problem_type
    }
}

/// A body that is no JSON, or in which an object has a name twice: code `repeated_name`.
impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax(error) => {
                Problem::new(ProblemType::MALFORMED_JSON, format!("the body is no JSON: {error}"))
            }
            JsonError::RepeatedName { path, .. } => {
                let detail = "stands twice in its object; which of the two is meant?";
                let repeated = FieldError::new(path, "repeated_name", detail);
                Problem::with_errors(ProblemType::MALFORMED_JSON, vec![repeated])
            }
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    problem_type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    fn body(&self) -> Body<'_> {
        let ProblemType { status, slug, title, remedy: _ } = self.problem_type;
        Body {
            problem_type: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            instance: self.more.as_ref().and_then(|more| more.instance.as_deref()),
            errors: &self.errors,
        }
    }

    /// The document, where there is no response to put it into.
    pub(crate) fn to_json(&self) -> String {
        // Texts and a number cannot fail.
        serde_json::to_string(&self.body()).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.problem_type.status;
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let More { challenge, retry_after, .. } = self.more.map(|more| *more).unwrap_or_default();
        let is_away = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT);
        if let Some(seconds) = retry_after.or(is_away.then_some(RETRY_AFTER_S)) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// Replaces an error that axum itself answers in plain text, such as a path that is not UTF-8 or a query that cannot be read, by
/// a problem document. Use it with [`axum::middleware::map_response`].
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
            Problem::new(ProblemType::METHOD_NOT_ALLOWED, "the header allow names what this path takes")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(ProblemType::BODY_TOO_LARGE, "the request is too large")
        }
        status if status.is_client_error() => {
            Problem::new(ProblemType::INVALID_QUERY, "the path or its query cannot be read")
        }
        _ => Problem::new(ProblemType::INTERNAL, "something went wrong here"),
    };
    let mut replaced = problem.into_response();
    if let Some(allow) = response.headers().get(ALLOW) {
        replaced.headers_mut().insert(ALLOW, allow.clone());
    }
    replaced
}
