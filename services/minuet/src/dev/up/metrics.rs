use std::net::{Ipv4Addr, SocketAddr};

use minuet_telemetry::error_chain;
use minuet_telemetry::meters::Hub;
use tokio_util::sync::CancellationToken;

use super::endpoints::UpError;
use super::plan;

/// Serves the meters of all services on one page, at the wanted port or at a free one. Answers with the page's URL.
pub(super) async fn serve(wanted: u16, hub: &Hub, shutdown: &CancellationToken) -> Result<String, UpError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plan::free(wanted)?));
    let listener = minuet_http::bind(address).await.map_err(UpError::Metrics)?;
    let (hub, shutdown) = (hub.clone(), shutdown.clone());
    let page = minuet_http::metrics_route(move || hub.text());
    tokio::spawn(async move {
        if let Err(error) = minuet_http::serve(listener, page, shutdown).await {
            tracing::warn!(error = error_chain(&error), "metrics page ended");
        }
    });
    Ok(format!("http://{address}/metrics"))
}
