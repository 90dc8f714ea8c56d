//! Binding an address, and serving a router until shutdown.
//!
//! A slow client costs one place of a bounded number, for a bounded time: see [`ClientTimeouts`] and [`Connections`]. At the bound
//! a connection that waits for its client makes room for the next one. So health and orders are answered however many requests
//! are sent by halves, and the process keeps file descriptors for its own work.

mod activity;
mod connections;
mod refusal;
mod request;
mod stream;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use minuet_telemetry::error_chain;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};

use crate::caller_limits::PeerAddress;
pub use activity::ClientTimeouts;
use connections::Admitted;
pub use connections::Connections;
use request::Requests;
use stream::Stream;

/// How long open requests may take to finish once the shutdown has begun.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// The headers of one request, in bytes. They are kept for every connection whose client is still sending them.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// How often slow clients are looked for.
const OVERDUE_INTERVAL: Duration = Duration::from_millis(250);
/// After an error that is not one connection's, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A client that was refused is read this far, and this long: closing a connection with unread bytes on it makes the client's
/// system drop the answer that is on its way.
const MAX_DRAINED_BYTES: usize = 1024 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The address cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; is the port taken?")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// Binds `address`. With port 0 the system chooses the port; the listener knows the one that it chose.
///
/// # Errors
/// The address is in use, or is not an address of this machine.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// How a server treats its clients.
#[derive(Clone)]
pub struct ServerSettings {
    /// How long open requests may take to finish once the shutdown has begun.
    pub shutdown_timeout: Duration,
    /// How long a client may take.
    pub timeouts: ClientTimeouts,
    /// Whose number is bounded.
    pub connections: Arc<Connections>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            timeouts: ClientTimeouts::default(),
            connections: Connections::of_this_process(),
        }
    }
}

/// Serves until `shutdown`. Then the server accepts no more connections, and open requests have [`SHUTDOWN_TIMEOUT`] to
/// finish.
///
/// # Errors
/// The listener has no address any more.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    serve_with(listener, router, shutdown, ServerSettings::default()).await
}

/// As [`serve`], with other settings.
///
/// # Errors
/// The listener has no address any more.
pub async fn serve_with(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    settings: ServerSettings,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let ServerSettings { shutdown_timeout, timeouts, connections } = settings;
    let server = connections.server();
    let (tasks, cut_off) = (TaskTracker::new(), CancellationToken::new());
    // Also when this future is dropped: nobody would close them.
    let _cut_off = cut_off.clone().drop_guard();
    let mut overdue = interval(OVERDUE_INTERVAL);
    overdue.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = overdue.tick() => connections.close_overdue(server, &timeouts, Instant::now()),
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => match connections.admit(server) {
                    Some(admitted) => {
                        let (router, shutdown) = (router.clone(), shutdown.clone());
                        let peer = PeerAddress(peer.ip());
                        tasks.spawn(connection(socket, peer, router, admitted, shutdown, cut_off.clone()));
                    }
                    None => warn!(%address, "connection was closed: every place is taken by an open request"),
                },
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    error!(error = error_chain(&error), %address, "connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    tasks.close();
    let finished = async {
        loop {
            tokio::select! {
                () = tasks.wait() => break,
                _ = overdue.tick() => connections.close_overdue(server, &timeouts, Instant::now()),
            }
        }
    };
    if timeout(shutdown_timeout, finished).await.is_err() {
        warn!(shutdown_timeout_ms = shutdown_timeout.as_millis(), "open requests were cut off at shutdown");
    }
    Ok(())
}

/// A client that gave up while it waited to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    socket: TcpStream,
    peer: PeerAddress,
    router: Router,
    admitted: Admitted,
    shutdown: CancellationToken,
    cut_off: CancellationToken,
) {
    // An answer is one small write. Waiting for more bytes to fill a packet would only delay the answer.
    if let Err(error) = socket.set_nodelay(true) {
        debug!(error = error_chain(&error), "socket refused TCP_NODELAY");
    }
    let (socket, activity) = (Arc::new(socket), Arc::clone(&admitted.activity));
    let stream = TokioIo::new(Stream::new(Arc::clone(&socket), Arc::clone(&activity)));
    let requests = Requests { router, peer, activity: Arc::clone(&activity), reserved: admitted.reserved };
    let http = http1::Builder::new()
        // The activity has timeouts of its own.
        .header_read_timeout(None)
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(2 * MAX_HEADER_BYTES)
        .serve_connection(stream, requests);
    let serving = async {
        let mut http = std::pin::pin!(http);
        let mut stopping = std::pin::pin!(shutdown.cancelled());
        let mut is_stopping = false;
        loop {
            tokio::select! {
                ended = http.as_mut() => {
                    if let Err(error) = ended {
                        debug!(error = error_chain(&error), "connection broke");
                    }
                    break;
                }
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    http.as_mut().graceful_shutdown();
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = admitted.stop.cancelled() => return,
        () = cut_off.cancelled() => return,
        () = serving => {}
    }
    if activity.was_refused() {
        drop(timeout(DRAIN_TIMEOUT, drain(&socket)).await);
    }
}

async fn drain(socket: &TcpStream) {
    let (mut drained, mut bytes) = (0, vec![0; 16 * 1024]);
    while drained < MAX_DRAINED_BYTES && socket.readable().await.is_ok() {
        match socket.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(length) => drained += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
