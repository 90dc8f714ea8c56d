use std::convert::Infallible;
use std::time::Duration;

use crate::keys::Keys;
use crate::token::Verifier;

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
                    tracing::info!(event = "keys_reloaded");
                }
                usable = true;
            }
            Err(error) => {
                // Once per failure, not once per second.
                if usable {
                    tracing::error!(event = "keys_not_reloaded", %error, cause = ?std::error::Error::source(&error));
                }
                usable = false;
            }
        }
    }
}
