//! What admins ask a service for, on its private address: only they, a few at once, each within a time limit.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use minuet_identity::{Guarded, Kind, Problem, Verifier, as_problem};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::error;

use crate::policy::chain;

/// The whole request. Exceeds the longest wait for a redrive by what the database may take.
const LIMIT: Duration = Duration::from_secs(45);
/// Requests at once: they share the service's connections to its database with its work.
const AT_ONCE: usize = 4;

/// What its requests are about. A handler that takes [`minuet_identity::Admin`] besides answers to admins only.
pub struct Desk<T> {
    pub of: T,
    identity: Option<Arc<Verifier>>,
    room: Semaphore,
}

impl<T: Send + Sync> Guarded for Desk<T> {
    fn verifier(&self) -> Option<&Verifier> {
        self.identity.as_deref()
    }
}

impl<T: Send + Sync + 'static> Desk<T> {
    /// The routes with their limits; whatever is refused is told of by a problem document.
    pub fn open(routes: Router<Arc<Self>>, of: T, identity: Option<Arc<Verifier>>) -> Router {
        let desk = Arc::new(Desk { of, identity, room: Semaphore::new(AT_ONCE) });
        routes
            .layer(middleware::from_fn_with_state(Arc::clone(&desk), limited))
            .layer(middleware::map_response(as_problem))
            .with_state(desk)
    }
}

async fn limited<T: Send + Sync>(State(desk): State<Arc<Desk<T>>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = desk.room.try_acquire() else {
        return Problem::new(Kind::Overloaded, "other admins are asking; try again").into_response();
    };
    match timeout(LIMIT, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
        Ok(Ok(response)) => response,
        // The panic hook has written what and where.
        Ok(Err(_panic)) => Problem::new(Kind::Internal, "this is a bug here").into_response(),
        Err(_) => Problem::new(Kind::Timeout, "this took too long; try again").into_response(),
    }
}

/// The service's database did not answer. The cause goes into the log, not to the caller.
pub fn away(error: &(dyn std::error::Error + Sync)) -> Problem {
    error!(error = chain(error), "a query of an admin failed");
    Problem::new(Kind::Unavailable, "the service's database does not answer")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::http::serve;

    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_few_ask_at_once() {
        static ARRIVED: Semaphore = Semaphore::const_new(0);
        static GO: Semaphore = Semaphore::const_new(0);
        async fn slow() {
            ARRIVED.add_permits(1);
            GO.acquire().await.unwrap().forget();
        }
        let desk = Desk::open(Router::new().route("/", get(slow)), (), None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(serve(listener, desk, stop.clone()));
        let asking: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(ask(address))).collect();
        ARRIVED.acquire_many(AT_ONCE as u32).await.unwrap().forget();
        assert_eq!(ask(address).await, "HTTP/1.1 503 Service Unavailable", "one too many");
        GO.add_permits(AT_ONCE);
        for one in asking {
            assert_eq!(one.await.unwrap(), "HTTP/1.1 200 OK");
        }
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
}
