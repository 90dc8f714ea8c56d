use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// As a shell reports a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// The first SIGINT (Ctrl-C) or SIGTERM stops in order; a second one ends the process at once, which is safe, only less tidy.
///
/// # Errors
/// The system gives no signal handler.
pub fn cancel_on_signal(shutdown: CancellationToken) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        info!("stopping on a signal");
        shutdown.cancel();
        next().await;
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}
