//! A bounded queue between the work and the exporter. Adding never waits: an item that does not fit is dropped, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::environment::Limits;

/// How many spans, or log records, were exported since the start, and how many were lost.
#[derive(Debug, Default)]
pub struct ExportCounts {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl ExportCounts {
    /// Acknowledged by the receiver.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Dropped, since the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Refused by the receiver, or not acknowledged in time.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct ExportQueue<T> {
    to: mpsc::Sender<T>,
    counts: Arc<ExportCounts>,
}

impl<T> ExportQueue<T> {
    pub(crate) fn new(limits: Limits) -> (Self, ExportWorker<T>) {
        let (to, from) = mpsc::channel(limits.queue);
        let counts = Arc::new(ExportCounts::default());
        (ExportQueue { to, counts: Arc::clone(&counts) }, ExportWorker { from, limits, counts })
    }

    pub(crate) fn push(&self, item: T) {
        if self.to.try_send(item).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> &Arc<ExportCounts> {
        &self.counts
    }
}

/// Sends the items of one queue.
pub(crate) struct ExportWorker<T> {
    from: mpsc::Receiver<T>,
    limits: Limits,
    counts: Arc<ExportCounts>,
}

impl<T> ExportWorker<T> {
    /// Sends full batches at once and others after the delay. At `stop`, sends what is left and ends. `send` returns whether
    /// the receiver acknowledged the batch; a failed batch is not sent again.
    pub(crate) async fn run(
        mut self,
        mut stop: watch::Receiver<bool>,
        mut send: impl AsyncFnMut(Vec<T>) -> bool,
    ) {
        let mut receiver_ok = true;
        loop {
            let mut batch = Vec::with_capacity(self.limits.batch);
            let stopping = self.fill(&mut batch, &mut stop).await;
            if batch.is_empty() {
                if stopping {
                    return;
                }
                continue;
            }
            let size = batch.len() as u64;
            let sent = matches!(tokio::time::timeout(self.limits.timeout, send(batch)).await, Ok(true));
            let counter = if sent { &self.counts.sent } else { &self.counts.failed };
            counter.fetch_add(size, Ordering::Relaxed);
            if sent != receiver_ok {
                receiver_ok = sent;
                // Once per change, not once per batch.
                if sent {
                    tracing::info!("telemetry receiver accepts data again");
                } else {
                    tracing::warn!("telemetry could not be exported; failed batches are dropped");
                }
            }
        }
    }

    /// Returns true at the end: no further item will come.
    async fn fill(&mut self, batch: &mut Vec<T>, stop: &mut watch::Receiver<bool>) -> bool {
        let max = self.limits.batch;
        let mut deadline: Option<Instant> = None;
        while batch.len() < max {
            let expired = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => {
                    while batch.len() < max && let Ok(item) = self.from.try_recv() {
                        batch.push(item);
                    }
                    return true;
                }
                () = expired => return false,
                taken = self.from.recv_many(batch, max - batch.len()) => {
                    if taken == 0 {
                        return true;
                    }
                    deadline.get_or_insert_with(|| Instant::now() + self.limits.delay);
                }
            }
        }
        false
    }
}

/// How long [`crate::flush`] waits for the receiver.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(queue: usize, batch: usize) -> Limits {
        Limits { queue, batch, delay: Duration::from_millis(1), timeout: Duration::from_millis(20) }
    }

    #[tokio::test]
    async fn items_that_do_not_fit_are_dropped_and_counted() {
        let (queue, worker) = ExportQueue::new(limits(3, 2));
        (0..5).for_each(|item| queue.push(item));
        assert_eq!(queue.counts().dropped(), 2);
        let (stop, stopped) = watch::channel(true);
        let mut sent = Vec::new();
        worker
            .run(stopped, async |batch: Vec<i32>| {
                sent.push(batch);
                true
            })
            .await;
        assert_eq!(sent, [vec![0, 1], vec![2]]);
        assert_eq!((queue.counts().sent(), queue.counts().failed()), (3, 0));
        drop(stop);
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_costs_its_batch_and_nothing_more() {
        let (queue, worker) = ExportQueue::new(limits(10, 10));
        queue.push(1);
        let (stop, stopped) = watch::channel(true);
        worker.run(stopped, async |_| std::future::pending().await).await;
        assert_eq!((queue.counts().sent(), queue.counts().failed()), (0, 1));
        drop(stop);
    }
}
