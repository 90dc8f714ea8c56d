//! The four services in this process: started so that the gateway knows the others, stopped so that nothing is cut off.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::endpoints::UpError;
use crate::error::CliError;
use crate::services::{self, Kind, Shared};
use crate::settings::Settings;

/// How long a service may take until it says that it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

type Task = JoinHandle<Result<(), CliError>>;

pub(super) struct Running {
    addresses: BTreeMap<&'static str, SocketAddr>,
    /// The edge stops first, so that what it took in is still carried on.
    edge: (Task, CancellationToken),
    inner: Vec<(&'static str, Task)>,
    inner_stop: CancellationToken,
}

impl Running {
    pub(super) async fn start(
        shared: &Arc<Shared>,
        mut settings: Settings,
        shutdown: &CancellationToken,
    ) -> Result<Running, CliError> {
        let inner_stop = CancellationToken::new();
        let (mut addresses, mut inner) = (BTreeMap::new(), Vec::new());
        let inner_settings = Arc::new(settings.clone());
        for (name, kind) in
            [("order", Kind::Order), ("inventory", Kind::Inventory), ("payment", Kind::Payment)]
        {
            let (task, address) = spawn(name, kind, shared, &inner_settings, &inner_stop).await?;
            addresses.insert(name, address);
            inner.push((name, task));
        }
        if let (Some(gateway), Some(order), Some(inventory)) =
            (&mut settings.gateway, addresses.get("order"), addresses.get("inventory"))
        {
            gateway.order_url = format!("http://{order}");
            gateway.inventory_url = format!("http://{inventory}");
        }
        let edge_stop = shutdown.child_token();
        let (edge, address) =
            spawn("gateway", Kind::Gateway, shared, &Arc::new(settings), &edge_stop).await?;
        addresses.insert("gateway", address);
        Ok(Running { addresses, edge: (edge, edge_stop), inner, inner_stop })
    }

    pub(super) fn url(&self, service: &str) -> String {
        self.addresses.get(service).map(|address| format!("http://{address}")).unwrap_or_default()
    }

    pub(super) fn addresses(&self) -> BTreeMap<&'static str, SocketAddr> {
        self.addresses.clone()
    }

    /// Waits for a service that ends by itself, and says why it did.
    pub(super) async fn first_to_end(&mut self) -> CliError {
        tokio::select! {
            ended = &mut self.edge.0 => {
                let why = why("gateway", ended);
                self.edge.0 = tokio::spawn(async { Ok(()) });
                why
            }
            ended = first(&mut self.inner) => ended,
        }
    }

    /// Waits for `shutdown`, or for a service that ends by itself; then stops the edge, and after it the others.
    pub(super) async fn until_stopped(mut self, shutdown: &CancellationToken) -> Result<(), CliError> {
        let early = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            ended = self.first_to_end() => Err(ended),
        };
        self.edge.1.cancel();
        let edge = flat("gateway", self.edge.0.await);
        self.inner_stop.cancel();
        let mut inner = Ok(());
        for (name, task) in self.inner {
            inner = inner.and(flat(name, task.await));
        }
        early.and(edge).and(inner)
    }
}

/// Asks each until it is ready. One that does not answer is on its way to its end, which says why.
pub(super) async fn ready(addresses: &BTreeMap<&'static str, SocketAddr>) -> Result<(), CliError> {
    let until = Instant::now() + READY_TIMEOUT;
    for (service, address) in addresses {
        let url = format!("http://{address}/readyz");
        loop {
            let said = match reqwest::get(&url).await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            if Instant::now() > until {
                return Err(UpError::NotReady { service, seconds: READY_TIMEOUT.as_secs(), said }.into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    Ok(())
}

async fn spawn(
    name: &'static str,
    kind: Kind,
    shared: &Arc<Shared>,
    settings: &Arc<Settings>,
    stop: &CancellationToken,
) -> Result<(Task, SocketAddr), CliError> {
    let (bound, address) = oneshot::channel();
    let (shared, settings, stop) = (Arc::clone(shared), Arc::clone(settings), stop.clone());
    let task = tokio::spawn(async move {
        // Whoever waits for the address is the caller, who waits.
        let bound = move |address| {
            if bound.send(address).is_err() {
                tracing::debug!(service = name, "receiver of the address is gone");
            }
        };
        services::run_one(kind, &shared, &settings, stop, bound).await
    });
    match address.await {
        Ok(address) => Ok((task, address)),
        Err(_) => {
            Err(flat(name, task.await).err().unwrap_or_else(|| UpError::Ended { service: name }.into()))
        }
    }
}

/// The first of them that ends before it was told to.
async fn first(tasks: &mut Vec<(&'static str, Task)>) -> CliError {
    let (ended, index, _) = futures::future::select_all(tasks.iter_mut().map(|(_, task)| task)).await;
    let (name, _) = tasks.swap_remove(index);
    why(name, ended)
}

fn why(service: &'static str, ended: Result<Result<(), CliError>, tokio::task::JoinError>) -> CliError {
    flat(service, ended).err().unwrap_or_else(|| UpError::Ended { service }.into())
}

fn flat(
    service: &'static str,
    ended: Result<Result<(), CliError>, tokio::task::JoinError>,
) -> Result<(), CliError> {
    ended.unwrap_or_else(|_| Err(UpError::Ended { service }.into()))
}
