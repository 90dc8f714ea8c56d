//! The guard of routes for admins, on a service's private address.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use minuet_identity::Verifier;
use minuet_telemetry::error_chain;
use tracing::error;

use crate::bearer::{Admin, Guarded};
use crate::limits::RequestLimits;
use crate::problem::{Problem, ProblemType, as_problem};

/// For one whole request. Longer than the 30 seconds that a request may wait for a redrive, by the time that the database
/// may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(45);
/// Requests at once: they share the service's database connections with its work.
const MAX_CONCURRENT: usize = 4;

/// The state of admin routes, and the guard in front of them: each request needs a token with the scope `admin`, four
/// requests run at once, and each takes at most 45 seconds. A handler that needs the admin's name takes [`Admin`].
///
/// ```
/// use std::sync::Arc;
///
/// use axum::Router;
/// use axum::extract::State;
/// use axum::routing::get;
/// use minuet_http::{Admin, AdminRoutes};
///
/// struct Parcels(u64);
///
/// async fn lost(State(routes): State<Arc<AdminRoutes<Parcels>>>, Admin(by): Admin) -> String {
///     format!("{} lost parcels, asked by {}", routes.state.0, by.user)
/// }
///
/// let routes = Router::new().route("/v1/lost-parcels", get(lost));
/// // Without a verifier every request is answered 401.
/// let router: Router = AdminRoutes::router(routes, Parcels(3), None);
/// ```
pub struct AdminRoutes<T> {
    /// What the handlers work with.
    pub state: T,
    verifier: Option<Arc<Verifier>>,
}

impl<T: Send + Sync> Guarded for AdminRoutes<T> {
    fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_deref()
    }
}

impl<T: Send + Sync + 'static> AdminRoutes<T> {
    /// Puts the guard in front of `routes`. Without a verifier each request is refused.
    pub fn router(routes: Router<Arc<Self>>, state: T, verifier: Option<Arc<Verifier>>) -> Router {
        let state = Arc::new(AdminRoutes { state, verifier });
        let routes = routes.route_layer(middleware::from_fn_with_state(Arc::clone(&state), authorize));
        RequestLimits::new(MAX_CONCURRENT, REQUEST_TIMEOUT)
            .apply(routes)
            .layer(middleware::map_response(as_problem))
            .with_state(state)
    }
}

/// In front of every route, so that no handler can forget the check.
async fn authorize<T: Send + Sync>(
    State(routes): State<Arc<AdminRoutes<T>>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    match Admin::from_request_parts(&mut parts, &routes).await {
        Ok(admin) => {
            parts.extensions.insert(admin);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// 503: the service's database did not answer. The cause goes to the log, not to the caller.
pub fn database_unavailable(error: &dyn Error) -> Problem {
    error!(error = error_chain(error), "admin query failed");
    Problem::new(ProblemType::UNAVAILABLE, "the service's database does not answer")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use minuet_identity::{Secret, Settings, development_token};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Semaphore;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{bind, serve};

    const SECRET: &str = "a secret that is only used in tests";

    /// The status line of the answer to `GET path`.
    async fn status(address: SocketAddr, path: &str, token: Option<&str>) -> String {
        let authorization =
            token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{authorization}\r\n");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    fn token(admin: bool) -> String {
        development_token(SECRET, "anna", admin, Duration::from_secs(60)).unwrap()
    }

    struct Running {
        address: SocketAddr,
        stop: CancellationToken,
        serving: tokio::task::JoinHandle<std::io::Result<()>>,
    }

    impl Running {
        async fn start(routes: Router<Arc<AdminRoutes<()>>>) -> Running {
            let settings = Settings { jwt_secret: Some(Secret::new(SECRET)), ..Settings::default() };
            let router = AdminRoutes::router(routes, (), Some(Arc::new(settings.verifier().unwrap())));
            let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
            let serving = tokio::spawn(serve(listener, router, stop.clone()));
            Running { address, stop, serving }
        }

        async fn stop(self) {
            self.stop.cancel();
            self.serving.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_handler_that_asks_for_no_identity_is_guarded_too() {
        let running = Running::start(Router::new().route("/", get(async || "secret"))).await;
        let address = running.address;
        assert_eq!(status(address, "/", None).await, "HTTP/1.1 401 Unauthorized");
        assert_eq!(status(address, "/", Some("nonsense")).await, "HTTP/1.1 401 Unauthorized");
        assert_eq!(status(address, "/", Some(&token(false))).await, "HTTP/1.1 403 Forbidden");
        assert_eq!(status(address, "/", Some(&token(true))).await, "HTTP/1.1 200 OK");
        assert_eq!(status(address, "/other", None).await, "HTTP/1.1 404 Not Found");
        running.stop().await;
    }

    #[tokio::test]
    async fn four_requests_run_at_once() {
        static ARRIVED: Semaphore = Semaphore::const_new(0);
        static GO: Semaphore = Semaphore::const_new(0);
        async fn slow() {
            ARRIVED.add_permits(1);
            GO.acquire().await.unwrap().forget();
        }
        let running = Running::start(Router::new().route("/", get(slow))).await;
        let (address, token) = (running.address, token(true));
        let asking: Vec<_> = (0..MAX_CONCURRENT)
            .map(|_| {
                let token = token.clone();
                tokio::spawn(async move { status(address, "/", Some(&token)).await })
            })
            .collect();
        ARRIVED.acquire_many(MAX_CONCURRENT as u32).await.unwrap().forget();
        assert_eq!(
            status(address, "/", Some(&token)).await,
            "HTTP/1.1 503 Service Unavailable",
            "one too many"
        );
        GO.add_permits(MAX_CONCURRENT);
        for one in asking {
            assert_eq!(one.await.unwrap(), "HTTP/1.1 200 OK");
        }
        running.stop().await;
    }
}
