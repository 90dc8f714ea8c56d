//! What holds for every request: how many at once, how long, and that each failure is a problem document.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::time::timeout;

use crate::Edge;
use crate::problem::{Kind, Problem};

pub(crate) async fn apply(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = edge.open_requests.try_acquire() else {
        return Problem::new(Kind::Overloaded, "too many requests are open here; try again").into_response();
    };
    let (method, path, began) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let answered = timeout(edge.request_timeout, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            // The panic hook has written what and where.
            tracing::error!(event = "request_panicked", %method, path);
            Problem::new(Kind::Internal, "this is a bug here; the request may be sent again").into_response()
        }
        Err(_) => Problem::new(Kind::Timeout, "this took too long; try again").into_response(),
    };
    let took_ms = began.elapsed().as_millis();
    tracing::debug!(event = "request", %method, path, status = response.status().as_u16(), took_ms);
    response
}

/// Replaces what axum itself refuses, in plain text: a path that is not UTF-8, a query that cannot be read.
pub(crate) async fn as_problem(response: Response) -> Response {
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
