//! Binding an address, and serving a router until shutdown.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use minuet_telemetry::error_chain;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// How long open requests may take to finish once the shutdown has begun.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

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

/// Serves until `shutdown`. Then the server accepts no more connections, and open requests have [`SHUTDOWN_TIMEOUT`] to
/// finish.
///
/// # Errors
/// The server failed.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    serve_with_timeout(listener, router, shutdown, SHUTDOWN_TIMEOUT).await
}

/// As [`serve`], with another shutdown timeout.
///
/// # Errors
/// The server failed.
pub async fn serve_with_timeout(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    shutdown_timeout: Duration,
) -> io::Result<()> {
    // An answer is one small write. Waiting for more bytes to fill a packet would only delay the answer.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            debug!(error = error_chain(&error), "socket refused TCP_NODELAY");
        }
    });
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let expired = async {
        shutdown.cancelled().await;
        tokio::time::sleep(shutdown_timeout).await;
    };
    tokio::select! {
        served = server.into_future() => served,
        () = expired => {
            warn!(shutdown_timeout_ms = shutdown_timeout.as_millis(), "open requests were cut off at shutdown");
            Ok(())
        }
    }
}
