//! What holds for every request: how many at once, how long, and that each failure is a problem document.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use minuet_identity::{Kind, Problem};
use tokio::time::timeout;

use crate::Edge;
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
