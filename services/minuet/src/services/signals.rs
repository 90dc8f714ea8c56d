use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::error::CliError;

/// As a shell reports a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// The first SIGINT or SIGTERM stops in order; a second one stops at once, which is safe, only less tidy.
pub(crate) fn cancel_on_signal(shutdown: CancellationToken) -> Result<(), CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
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
