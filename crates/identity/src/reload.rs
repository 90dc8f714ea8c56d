use std::convert::Infallible;
use std::time::Duration;

use crate::keys::Keys;
use crate::verifier::Verifier;

use minuet_telemetry::error_chain;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the verifier's key set again whenever its file changes, and never returns. A file that cannot be used leaves the keys as
/// they were; the first failure is logged. A single key does not change: its file is read once.
///
/// ```no_run
/// # use std::sync::Arc;
/// # async fn run(verifier: Arc<minuet_identity::Verifier>) {
/// tokio::spawn(async move { minuet_identity::follow(&verifier).await });
/// # }
/// ```
pub async fn follow(verifier: &Verifier) -> Infallible {
    let Keys::Set(set) = verifier.keys() else { return std::future::pending().await };
    let mut usable = true;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        match set.reload() {
            Ok(reloaded) => {
                if reloaded {
                    tracing::info!("verification keys were reloaded");
                }
                usable = true;
            }
            Err(error) => {
                // Once per outage, not once per poll.
                if usable {
                    tracing::error!(
                        error = error_chain(&error),
                        "verification keys could not be reloaded; the old ones stay in use"
                    );
                }
                usable = false;
            }
        }
    }
}
