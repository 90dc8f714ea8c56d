use std::net::SocketAddr;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::wait::until;

/// A service that runs in the test's process.
pub struct Running {
    pub name: &'static str,
    pub address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), String>>,
}

pub(crate) type Bound = Box<dyn FnOnce(SocketAddr) + Send>;

impl Running {
    /// Started, and ready as far as it can say itself (the gateway is asked by its tests).
    pub async fn start<F>(name: &'static str, run: impl FnOnce(Bound, CancellationToken) -> F) -> Running
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let running = Running::begin(name, run).await;
        running.ready().await;
        running
    }

    /// Started, and it listens.
    pub async fn begin<F>(name: &'static str, run: impl FnOnce(Bound, CancellationToken) -> F) -> Running
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let shutdown = CancellationToken::new();
        let (bound, address) = oneshot::channel();
        let bound: Bound =
            Box::new(move |address| bound.send(address).expect("the test waits for the address"));
        let task = tokio::spawn(run(bound, shutdown.clone()));
        let address = address.await.expect("the service listens");
        Running { name, address, shutdown, task }
    }

    pub async fn ready(&self) {
        until(&format!("{} is ready", self.name), || async {
            let answer = reqwest::get(format!("{}/readyz", self.url())).await.map_err(|e| e.to_string())?;
            if answer.status().is_success() { Ok(()) } else { Err(answer.text().await.unwrap_or_default()) }
        })
        .await;
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the service has counted since it started.
    pub async fn counts(&self) -> serde_json::Value {
        reqwest::get(format!("{}/counts", self.url())).await.unwrap().json().await.unwrap()
    }

    /// What Prometheus would read.
    pub async fn metrics(&self) -> Metrics {
        let answer = reqwest::get(format!("{}/metrics", self.url())).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Metrics::parse(&answer.text().await.unwrap())
    }

    /// In order: stop taking in, finish the batch, flush, commit.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("the service does not panic").expect("the service ends well");
    }

    /// Dropped in its midst: no batch is finished, nothing is flushed. (A process that is killed is tried in `cli/`.)
    pub async fn abort(self) {
        self.task.abort();
        if let Err(error) = self.task.await {
            assert!(error.is_cancelled(), "the service had ended: {error}");
        }
    }
}
