//! How many requests run at once, how long each may take, and the answer to a panic.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::problem::{Problem, ProblemType};

/// The limits of a group of routes. Each refusal is a problem document: 503 `overloaded`, 504 `timeout`, and 500 `internal`
/// for a panic of the handler. Clones share the limits.
#[derive(Clone)]
pub struct RequestLimits {
    open: Arc<Semaphore>,
    timeout: Duration,
}

impl RequestLimits {
    /// At most `max_concurrent` requests at once. `timeout` bounds one request, from its headers to those of its answer.
    pub fn new(max_concurrent: usize, timeout: Duration) -> Self {
        RequestLimits { open: Arc::new(Semaphore::new(max_concurrent)), timeout }
    }

    /// Applies the limits to each route of `router`, and to its fallback.
    pub fn apply<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.layer(middleware::from_fn_with_state(self, limit))
    }
}

async fn limit(State(limits): State<RequestLimits>, request: Request, next: Next) -> Response {
    let Ok(_permit) = limits.open.try_acquire() else {
        return Problem::new(ProblemType::OVERLOADED, "too many requests are open here; try again")
            .into_response();
    };
    let (method, path, began) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let answered = timeout(limits.timeout, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            // The panic hook has logged the message and the place.
            tracing::error!(%method, path, "request handler panicked");
            Problem::new(ProblemType::INTERNAL, "this is a bug here; the request may be sent again")
                .into_response()
        }
        Err(_) => Problem::new(ProblemType::TIMEOUT, "this took too long; try again").into_response(),
    };
    let took_ms = began.elapsed().as_millis();
    tracing::debug!(%method, path, status = response.status().as_u16(), took_ms, "request answered");
    response
}
