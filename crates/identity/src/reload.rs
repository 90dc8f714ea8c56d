use std::convert::Infallible;
use std::time::Duration;

use crate::keys::Keys;
use crate::token::Verifier;

use minuet_telemetry::error_chain;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Takes over the verifier's key set whenever its file changes.
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
                // Once per failure, not once per second.
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
