//! Leaves the consumer group while the database does not answer, so that another instance, which may reach it, takes the
//! shards. Polling alone would keep them for ever.

use std::sync::Arc;
use std::time::Duration;

use minuet_telemetry::error_chain;
use rdkafka::consumer::Consumer;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::kafka::consumer::Polled;
use crate::store::context::Core;

/// Longer than a restart of the database, after which this instance goes on at once. With the relay's limit for a
/// statement and a heartbeat of the group, the shards are taken over within half a minute.
const MAX_OUTAGE: Duration = Duration::from_secs(15);
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) async fn watch(
    core: Arc<Core>,
    consumer: Arc<Polled>,
    topics: Vec<Arc<str>>,
    shutdown: CancellationToken,
) {
    let mut is_member = true;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
        match core.outage.lasts() {
            Some(lasts) if is_member && lasts > MAX_OUTAGE => {
                warn!(
                    service = core.service,
                    seconds = lasts.as_secs(),
                    "database does not answer; the group is left"
                );
                consumer.unsubscribe();
                is_member = false;
            }
            None if !is_member => {
                let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
                match consumer.subscribe(&names) {
                    Ok(()) => {
                        info!(service = core.service, "database answers again; the group is joined");
                        is_member = true;
                    }
                    Err(error) => {
                        warn!(error = error_chain(&error), "group could not be joined; it is retried");
                    }
                }
            }
            _ => {}
        }
    }
}
