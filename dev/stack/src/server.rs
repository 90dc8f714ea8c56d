//! What the three servers have in common.

use tokio::sync::Mutex;

use crate::error::StackError;
use crate::guard::Guarded;
use crate::log::Log;
use crate::root::Root;
use crate::{Part, StackOptions, State};

pub(crate) trait Server {
    const PART: Part;

    /// Starts it, its data created where needed, and comes back when it answers.
    async fn start(&self, log: Log, enter: &impl Fn(State)) -> Result<Guarded, StackError>;
}

/// A server that can be stopped and started again in its place.
#[derive(Debug)]
pub(crate) struct Slot<S> {
    pub(crate) server: S,
    running: Mutex<Option<Guarded>>,
}

impl<S: Server> Slot<S> {
    pub(crate) fn new(server: S) -> Self {
        Self { server, running: Mutex::new(None) }
    }

    pub(crate) async fn start(&self, log: Log, enter: impl Fn(State)) -> Result<(), StackError> {
        let guarded = self.server.start(log, &enter).await?;
        *self.running.lock().await = Some(guarded);
        enter(State::Ready);
        Ok(())
    }

    async fn take(&self) -> Result<Guarded, StackError> {
        self.running.lock().await.take().ok_or(StackError::NotRunning { part: S::PART })
    }

    pub(crate) async fn stop(&self) -> Result<(), StackError> {
        self.take().await?.stop().await
    }

    /// As [`stop`](Self::stop), but one that is stopped already is fine.
    pub(crate) async fn ensure_stopped(&self) -> Result<(), StackError> {
        match self.take().await {
            Ok(running) => running.stop().await,
            Err(_) => Ok(()),
        }
    }

    /// An error once it has ended by itself. One that was stopped is fine.
    pub(crate) async fn check(&self) -> Result<(), StackError> {
        self.running.lock().await.as_mut().map_or(Ok(()), Guarded::check)
    }

    pub(crate) async fn kill(&self) -> Result<(), StackError> {
        self.take().await?.kill().await
    }

    pub(crate) async fn signal(&self, name: &str) -> Result<(), StackError> {
        let mut running = self.running.lock().await;
        running.as_mut().ok_or(StackError::NotRunning { part: S::PART })?.signal(name)
    }

    /// Starts it again on the same port and data, stopping it first if it runs.
    pub(crate) async fn restart(&self, root: &Root, options: &StackOptions) -> Result<(), StackError> {
        self.ensure_stopped().await?;
        // Free when the last process is gone: PostgreSQL's back ends survive their postmaster by a moment.
        let log = Log::acquire(&root.log(S::PART), options.start_timeout, || {}).await?;
        self.start(log, |_| {}).await
    }
}
