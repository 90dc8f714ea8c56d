use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures::StreamExt;
use minuet_http::{Problem, ProblemType};
use serde_json::Value;
use tokio::time::timeout;

use crate::AppState;

/// The largest body that is looked at.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// A body that is too large is still read this far and thrown away: closing a connection with unread bytes on it makes the
/// client's system drop the 413 that is on its way.
const DRAINED: usize = 1024 * 1024;

/// A body as its bytes are: a signature is over those.
pub(crate) struct RawBody(pub(crate) Bytes);

impl FromRequest<Arc<AppState>> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<AppState>) -> Result<Self, Problem> {
        arrived(request, state).await.map(|bytes| RawBody(bytes.into()))
    }
}

/// A body that is JSON. What it says is still to be checked.
pub(crate) struct JsonBody(pub(crate) Value);

impl FromRequest<Arc<AppState>> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<AppState>) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        parse(&arrived(request, state).await?).map(JsonBody)
    }
}

async fn arrived(request: Request, state: &AppState) -> Result<Vec<u8>, Problem> {
    timeout(state.body_timeout, collect(request.into_body()))
        .await
        .map_err(|_| Problem::new(ProblemType::REQUEST_TIMEOUT, "the body did not arrive in time"))?
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        ProblemType::UNSUPPORTED_MEDIA_TYPE,
        "send the body with content-type: application/json",
    ))
}

async fn collect(body: Body) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::new(ProblemType::MALFORMED_JSON, "the body broke off"))?;
        length += chunk.len();
        if length > DRAINED {
            break;
        }
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&chunk);
        }
    }
    if length > MAX_BODY_BYTES { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> Problem {
    Problem::new(ProblemType::BODY_TOO_LARGE, "a body may have up to 65536 bytes")
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    minuet_text::json::parse(bytes).map_err(Problem::from)
}
