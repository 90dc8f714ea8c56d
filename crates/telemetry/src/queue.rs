//! Between the work and the exporter: a bounded queue that never waits. What does not fit is dropped, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::environment::Limits;

/// What became of spans, or of log records, since the start.
#[derive(Debug, Default)]
pub struct Counted {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Counted {
    /// The receiver has them.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The receiver did not take them.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct Queue<T> {
    to: mpsc::Sender<T>,
    counted: Arc<Counted>,
}

impl<T> Queue<T> {
    pub(crate) fn new(limits: Limits) -> (Self, Pump<T>) {
        let (to, from) = mpsc::channel(limits.queue);
        let counted = Arc::new(Counted::default());
        (Queue { to, counted: Arc::clone(&counted) }, Pump { from, limits, counted })
    }

    pub(crate) fn push(&self, item: T) {
        if self.to.try_send(item).is_err() {
            self.counted.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn counted(&self) -> &Arc<Counted> {
        &self.counted
    }
}

pub(crate) struct Pump<T> {
    from: mpsc::Receiver<T>,
    limits: Limits,
    counted: Arc<Counted>,
}

impl<T> Pump<T> {
    /// Sends batches, full ones at once, others after the delay; until told to stop, and then what is left.
    pub(crate) async fn run(
        mut self,
        mut stop: watch::Receiver<bool>,
        mut send: impl AsyncFnMut(Vec<T>) -> bool,
    ) {
        let mut well = true;
        loop {
            let mut batch = Vec::with_capacity(self.limits.batch);
            let stopping = self.gather(&mut batch, &mut stop).await;
            if batch.is_empty() {
                if stopping {
                    return;
                }
                continue;
            }
            let size = batch.len() as u64;
            let sent = matches!(tokio::time::timeout(self.limits.timeout, send(batch)).await, Ok(true));
            let counter = if sent { &self.counted.sent } else { &self.counted.failed };
            counter.fetch_add(size, Ordering::Relaxed);
            if sent != well {
                well = sent;
                // Once per change, not once per batch.
                if sent {
                    tracing::info!("the receiver of telemetry takes it again");
                } else {
                    tracing::warn!(
                        "the receiver of telemetry does not take it; what is not taken is dropped"
                    );
                }
            }
        }
    }

    /// True: this is the end, and what was waiting is all there will be.
    async fn gather(&mut self, batch: &mut Vec<T>, stop: &mut watch::Receiver<bool>) -> bool {
        let most = self.limits.batch;
        let mut until: Option<Instant> = None;
        while batch.len() < most {
            let time_up = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => {
                    while batch.len() < most && let Ok(item) = self.from.try_recv() {
                        batch.push(item);
                    }
                    return true;
                }
                () = time_up => return false,
                taken = self.from.recv_many(batch, most - batch.len()) => {
                    if taken == 0 {
                        return true;
                    }
                    until.get_or_insert_with(|| Instant::now() + self.limits.delay);
                }
            }
        }
        false
    }
}

/// How long a stop waits for the receiver.
pub(crate) const GOODBYE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(queue: usize, batch: usize) -> Limits {
        Limits { queue, batch, delay: Duration::from_millis(1), timeout: Duration::from_millis(20) }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_counted() {
        let (queue, pump) = Queue::new(limits(3, 2));
        (0..5).for_each(|item| queue.push(item));
        assert_eq!(queue.counted().dropped(), 2);
        let (stop, stopped) = watch::channel(true);
        let mut sent = Vec::new();
        pump.run(stopped, async |batch: Vec<i32>| {
            sent.push(batch);
            true
        })
        .await;
        assert_eq!(sent, [vec![0, 1], vec![2]]);
        assert_eq!((queue.counted().sent(), queue.counted().failed()), (3, 0));
        drop(stop);
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_costs_its_batch_and_nothing_more() {
        let (queue, pump) = Queue::new(limits(10, 10));
        queue.push(1);
        let (stop, stopped) = watch::channel(true);
        pump.run(stopped, async |_| std::future::pending().await).await;
        assert_eq!((queue.counted().sent(), queue.counted().failed()), (0, 1));
        drop(stop);
    }
}
