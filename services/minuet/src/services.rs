//! The services, one at a time or several in one process, until they are told to stop.

mod shared;

use std::net::SocketAddr;

use minuet_messaging::cancel_on_signal;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::error::CliError;
use crate::settings::{Settings, missing};

pub(crate) use shared::Shared;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Order,
    Inventory,
    Payment,
    Gateway,
}

/// Runs one service until SIGINT or SIGTERM.
pub(crate) async fn run(settings: &Settings, service: Kind) -> Result<(), CliError> {
    let shutdown = CancellationToken::new();
    cancel_on_signal(shutdown.clone()).map_err(CliError::Runtime)?;
    let Some(shared) = Shared::connect(settings, &shutdown).await? else {
        // Stopped while the registry was awaited.
        return Ok(());
    };
    let bound = move |address| info!(?service, %address, "service listens");
    let ended = run_one(service, &shared, settings, shutdown, bound).await;
    shared.close().await;
    ended
}

/// Runs one service until `shutdown`. `bound` learns the address: its port may have been left to the system.
pub(crate) async fn run_one(
    service: Kind,
    shared: &Shared,
    settings: &Settings,
    shutdown: CancellationToken,
    bound: impl FnOnce(SocketAddr) + Send,
) -> Result<(), CliError> {
    match service {
        Kind::Order => order(shared, settings, shutdown, bound).await,
        Kind::Inventory => inventory(shared, settings, shutdown, bound).await,
        Kind::Payment => payment(shared, settings, shutdown, bound).await,
        Kind::Gateway => gateway(shared, settings, shutdown, bound).await,
    }
}

async fn order(
    shared: &Shared,
    settings: &Settings,
    shutdown: CancellationToken,
    bound: impl FnOnce(SocketAddr) + Send,
) -> Result<(), CliError> {
    let section = settings.order.as_ref().ok_or_else(|| missing("order.database_url"))?;
    let (own, parts) = (section.own.clone(), shared.parts("order", &section.messaging)?);
    let bound = |address, queries| {
        shared.has_orders(queries);
        bound(address);
    };
    Ok(Box::pin(minuet_order::run_with(own, parts, bound, shutdown)).await?)
}

async fn inventory(
    shared: &Shared,
    settings: &Settings,
    shutdown: CancellationToken,
    bound: impl FnOnce(SocketAddr) + Send,
) -> Result<(), CliError> {
    let section = settings.inventory.as_ref().ok_or_else(|| missing("inventory.database_url"))?;
    let (own, parts) = (section.own.clone(), shared.parts("inventory", &section.messaging)?);
    Ok(Box::pin(minuet_inventory::run(own, parts, bound, shutdown)).await?)
}

async fn payment(
    shared: &Shared,
    settings: &Settings,
    shutdown: CancellationToken,
    bound: impl FnOnce(SocketAddr) + Send,
) -> Result<(), CliError> {
    let section = settings.payment.as_ref().ok_or_else(|| missing("payment.database_url"))?;
    let (own, parts) = (section.own.clone(), shared.parts("payment", &section.messaging)?);
    Ok(Box::pin(minuet_payment::run(own, parts, bound, shutdown)).await?)
}

async fn gateway(
    shared: &Shared,
    settings: &Settings,
    shutdown: CancellationToken,
    bound: impl FnOnce(SocketAddr) + Send,
) -> Result<(), CliError> {
    let own = settings.gateway.clone().ok_or_else(|| missing("gateway.order_url"))?;
    let publisher =
        shared.publisher("minuet-gateway", "gateway")?.measured(&shared.meters().meters("gateway")?);
    let served = minuet_gateway::run_with(own, publisher.clone(), shared.local_orders(), shutdown, bound);
    let served = Box::pin(served).await;
    shared::flush(&publisher).await;
    Ok(served?)
}
