//! Deletes what requests about orders leave behind: cancellations of orders that never came, refusals, and outcomes of refunds. All may go once
//! the inbox has forgotten the requests, since no topic keeps an order of that time any more.

use std::time::Duration;

use minuet_telemetry::error_chain;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::messaging::ServiceContext;
use crate::store::{self, Expired};

const INTERVAL: Duration = Duration::from_secs(3600);
/// Retry interval after a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until `shutdown`. Any number of instances may run it at once.
pub(crate) async fn run(context: ServiceContext, retention: Duration, shutdown: CancellationToken) {
    loop {
        let before = context.now().plus(-time::Duration::seconds_f64(retention.as_secs_f64()));
        let expire = async |connection: &mut PgConnection| store::expire(connection, before).await;
        let wait = match context.with_connection(expire).await {
            Ok(Expired { early_cancellations: 0, refusals: 0, given_refunds: 0 }) => INTERVAL,
            Ok(expired) => {
                info!(
                    deleted = expired.early_cancellations + expired.refusals + expired.given_refunds,
                    "expired requests deleted"
                );
                if expired.is_full() { Duration::ZERO } else { INTERVAL }
            }
            Err(error) => {
                warn!(error = error_chain(&error), "expired requests could not be deleted; it is retried");
                RETRY_INTERVAL
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
