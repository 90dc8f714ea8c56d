use std::net::{Ipv4Addr, SocketAddr};

use minuet_messaging::http;
use minuet_telemetry::meters::Hub;
use tokio_util::sync::CancellationToken;

use super::endpoints::UpError;
use super::plan;
use crate::output;

/// Serves the meters of all services on one page, at the wanted port or at a free one. Answers with the page's URL.
pub(super) async fn serve(wanted: u16, hub: &Hub, shutdown: &CancellationToken) -> Result<String, UpError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plan::free(wanted)?));
    let listener = http::bind(address).await.map_err(UpError::Metrics)?;
    let (page, shutdown) = (http::metrics_page(hub.clone()), shutdown.clone());
    tokio::spawn(async move {
        if let Err(error) = http::serve(listener, page, shutdown).await {
            tracing::warn!(reason = output::chain(&error), "the page of the meters ended");
        }
    });
    Ok(format!("http://{address}/metrics"))
}
