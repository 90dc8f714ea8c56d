//! The sweeper handles deadlines: it finds due rows by time, decides them like events, and commits under the fence of
//! their shards.
//!
//! A sweep must not overtake events: after an outage, the payment of an order may wait in a topic while its reservation
//! has long expired. So the sweeper finds the due rows, asks the broker for the end offsets of these shards' inputs,
//! waits until this instance has processed them up to there, and only then decides, under the row's lock. Every event
//! published before that request is known by then. Each shard waits for itself, and a row that cannot be decided is
//! left alone.

mod inputs;
mod processed;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use futures::future::BoxFuture;
use minuet_envelope::Micros;
use minuet_telemetry::error_chain;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::failpoint::{Failpoint, hit};
use crate::kafka::consumer::Polled;
use crate::observe::spans;
use crate::runtime::batch::panic_text;
use crate::runtime::policy::{Verdict, verdict};
use crate::store::context::{Committed, Ending};
use crate::{BatchHandler, Handled, ReactError, ServiceContext};

use processed::OffsetRange;
pub(crate) use processed::Processed;

/// Upper bound of rows in one transaction.
const MAX_BATCH: usize = 500;
/// Maximum wait of one pass for inputs. A shard that is still behind waits for the next pass.
const INPUTS_TIMEOUT: Duration = Duration::from_millis(500);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// A transaction may commit a row this much later than the time in the row.
const MAX_COMMIT_LAG: time::Duration = time::Duration::seconds(120);

pub(crate) const SINCE: &str =
    "select min(coalesce(swept_until, 'epoch')) from shards where shard = any($1::smallint[])";
pub(crate) const SWEPT: &str =
    "update shards s set swept_until = $3 from unnest($1::smallint[], $2::bigint[]) as held (shard, epoch)
     where s.shard = held.shard and s.epoch = held.epoch";

pub(crate) struct Sweeper<R: BatchHandler> {
    pub(crate) handler: Arc<R>,
    pub(crate) context: ServiceContext<R::Contract>,
    pub(crate) consumer: Arc<Polled>,
    /// Settings of a reader besides the group's consumer.
    pub(crate) reader: ClientConfig,
    pub(crate) topics: Vec<Arc<str>>,
    pub(crate) processed: Arc<Processed>,
    pub(crate) shutdown: CancellationToken,
}

/// The due rows of a shard, and the inputs to process before they are decided.
struct Waiting<D> {
    due: Vec<D>,
    inputs: Vec<OffsetRange>,
}

type Shards<T> = BTreeMap<u32, T>;

impl<R: BatchHandler> Sweeper<R> {
    pub(crate) async fn run(self) {
        let Some(interval) = self.handler.sweep_interval() else { return self.shutdown.cancelled().await };
        let mut waiting = Shards::new();
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            let swept = tokio::select! {
                () = self.shutdown.cancelled() => return,
                swept = self.sweep(&mut waiting) => swept,
            };
            match swept {
                Ok(0) => {}
                Ok(rows) => info!(service = self.context.core.service, rows, "due rows were decided"),
                Err(error) => {
                    warn!(
                        error = error_chain(&error),
                        service = self.context.core.service,
                        "sweep failed; the next one starts over"
                    )
                }
            }
        }
    }

    /// Runs one pass and returns the number of decided rows. Others stay in `waiting` or are found again by the next
    /// pass.
    async fn sweep(&self, waiting: &mut Shards<Waiting<R::Due>>) -> Result<usize, SweepError> {
        let mut held: Shards<i64> = self.context.core.shards.held().into_iter().collect();
        waiting.retain(|shard, _| held.contains_key(shard));
        if held.is_empty() {
            return Ok(0);
        }
        if !self.context.trusts_time() {
            debug!(service = self.context.core.service, "clocks differ; nothing is decided by time");
            return Ok(0);
        }
        let now = self.context.now();
        let mut due = self.due(held.keys().copied(), now).await?;
        // Rows that became due since the offsets of their shard were requested need a later request.
        due.retain(|shard, _| !waiting.contains_key(shard));
        held.retain(|shard, _| !waiting.contains_key(shard));
        if !due.is_empty() {
            hit(Failpoint::AfterDue);
            let mut inputs = self.inputs(due.keys().copied().collect()).await?;
            waiting.extend(due.into_iter().map(|(shard, due)| {
                (shard, Waiting { due, inputs: inputs.remove(&shard).unwrap_or_default() })
            }));
        }
        let mut decided = self.decide_once_read(waiting, &mut held, now).await?;
        if !waiting.is_empty() {
            self.skip(waiting).await?;
            decided += self.decide_once_read(waiting, &mut held, now).await?;
        }
        if !waiting.is_empty() {
            debug!(service = self.context.core.service, shards = ?waiting.keys(), "sweep waits for its inputs");
        }
        // Everything due in the remaining shards is decided.
        held.retain(|shard, _| !waiting.contains_key(shard));
        let (numbers, epochs): (Vec<i16>, Vec<i64>) =
            held.iter().map(|(shard, epoch)| (number(*shard), *epoch)).unzip();
        let until = now.plus(-MAX_COMMIT_LAG).to_datetime();
        self.context
            .with_connection(async |connection| {
                let swept = sqlx::query(SWEPT).bind(&numbers).bind(&epochs).bind(until);
                swept.execute(connection).await.map_err(ReactError::from)
            })
            .await?;
        Ok(decided)
    }

    /// The due rows of these shards, the oldest first.
    async fn due(
        &self,
        shards: impl Iterator<Item = u32>,
        now: Micros,
    ) -> Result<Shards<Vec<R::Due>>, ReactError> {
        let shards: BTreeSet<u32> = shards.collect();
        let numbers: Vec<i16> = shards.iter().map(|shard| number(*shard)).collect();
        let all = self.context.with_connection(async |connection| {
            let since: Option<time::OffsetDateTime> =
                sqlx::query_scalar(SINCE).bind(&numbers).fetch_one(&mut *connection).await?;
            self.handler.due(connection, since.map_or(Micros(0), Micros::from_datetime), now).await
        });
        let mut found = Shards::<Vec<R::Due>>::new();
        for due in all.await? {
            let shard = self.context.shard_of(&due.to_string());
            if shards.contains(&shard) {
                found.entry(shard).or_default().push(due);
            }
        }
        Ok(found)
    }

    async fn inputs(&self, shards: Vec<u32>) -> Result<Shards<Vec<OffsetRange>>, SweepError> {
        let (consumer, topics) = (Arc::clone(&self.consumer), self.topics.clone());
        let processed = Arc::clone(&self.processed);
        blocking(move || inputs::unread(&consumer, &topics, &processed, &shards)).await
    }

    /// The last offsets of an input may hold no records: transaction markers, compacted records. For inputs without
    /// progress, checks whether that is so and skips them.
    async fn skip(&self, waiting: &Shards<Waiting<R::Due>>) -> Result<(), SweepError> {
        let ranges: Vec<OffsetRange> =
            waiting.values().flat_map(|w| &w.inputs).filter(|s| self.processed.stands(s)).cloned().collect();
        let reader = self.reader.clone();
        for empty in blocking(move || inputs::empty(&reader, ranges)).await? {
            debug!(
                topic = &*empty.topic,
                partition = empty.partition,
                offset = empty.end,
                "range of offsets has no record"
            );
            self.processed.skip(&empty);
        }
        Ok(())
    }

    /// Decides each shard when its inputs are processed, for at most [`INPUTS_TIMEOUT`]. Removes from `held` a shard that was
    /// lost or has an undecided row.
    async fn decide_once_read(
        &self,
        waiting: &mut Shards<Waiting<R::Due>>,
        held: &mut Shards<i64>,
        now: Micros,
    ) -> Result<usize, ReactError> {
        let until = tokio::time::Instant::now() + INPUTS_TIMEOUT;
        let mut decided = 0;
        loop {
            for (shard, Waiting { due, .. }) in read(waiting, &self.processed) {
                for due in due.chunks(MAX_BATCH) {
                    match self.settle(due, now).await {
                        Ok(done) => {
                            decided += done;
                            if done < due.len() {
                                held.remove(&shard);
                            }
                        }
                        Err(ReactError::Fenced(_)) => {
                            held.remove(&shard);
                            break;
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            if waiting.is_empty() || tokio::time::Instant::now() > until {
                return Ok(decided);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Decides the rows in one transaction; after a permanent error in two halves. Returns the number of decided rows:
    /// a single row that cannot be decided is logged and left to the next pass. Boxed because it recurses.
    fn settle<'a>(&'a self, due: &'a [R::Due], now: Micros) -> BoxFuture<'a, Result<usize, ReactError>> {
        async move {
            let Err(error) = decide(&*self.handler, &self.context, due, now).await else {
                return Ok(due.len());
            };
            match (verdict(&error), due) {
                (Verdict::Transient | Verdict::Fenced, _) => Err(error),
                (Verdict::Permanent(code), [key]) => {
                    error!(error = error_chain(&error), %key, reason = code.code(), "due row could not be decided");
                    Ok(0)
                }
                (Verdict::Permanent(_), _) => {
                    let (first, second) = due.split_at(due.len() / 2);
                    Ok(self.settle(first, now).await? + self.settle(second, now).await?)
                }
            }
        }
        .boxed()
    }
}

/// Removes and returns the shards whose inputs are processed.
fn read<D>(waiting: &mut Shards<Waiting<D>>, processed: &Processed) -> Vec<(u32, Waiting<D>)> {
    let read: Vec<u32> =
        waiting.iter().filter(|(_, w)| processed.reached(&w.inputs)).map(|(shard, _)| *shard).collect();
    read.into_iter().filter_map(|shard| waiting.remove_entry(&shard)).collect()
}

/// Decides the rows in one transaction. Later events of a row are seen under its lock.
pub(crate) async fn decide<R: BatchHandler>(
    handler: &R,
    context: &ServiceContext<R::Contract>,
    due: &[R::Due],
    now: Micros,
) -> Result<(), ReactError> {
    let shards: BTreeSet<u32> = due.iter().map(|due| context.shard_of(&due.to_string())).collect();
    let begun = SystemTime::now();
    let work = async |connection: &mut PgConnection| {
        let sweeping = AssertUnwindSafe(handler.sweep(connection, now, due)).catch_unwind();
        let Handled { events, writes, after, .. } =
            sweeping.await.map_err(|panic| ReactError::Panic(panic_text(&*panic)))??;
        hit(Failpoint::BeforeSweepCommit);
        Ok(Ending::Commit { events, writes, result: after })
    };
    let Committed { result: after, events: emissions } = context.transaction(&shards, work).await?;
    spans::record_sweep(context, &emissions, begun);
    handler.committed(after);
    Ok(())
}

fn number(shard: u32) -> i16 {
    i16::try_from(shard).unwrap_or(i16::MAX)
}

async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, SweepError> {
    let asked = tokio::task::spawn_blocking(ask).await;
    Ok(asked.map_err(|_| SweepError::Broker(KafkaError::Canceled))??)
}

#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error("what is due cannot be decided")]
    React(#[from] ReactError),
    #[error("the ends of the inputs cannot be asked for")]
    Broker(#[from] KafkaError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_is_behind_holds_up_no_other() {
        let topic: Arc<str> = "payments.events".into();
        let shard = |partition, end| Waiting::<&str> {
            due: Vec::new(),
            inputs: vec![OffsetRange { topic: Arc::clone(&topic), partition, from: 0, end }],
        };
        let mut waiting = Shards::from([(0, shard(0, 10)), (1, shard(1, 10)), (2, shard(2, 10))]);
        let processed = Processed::default();
        processed.advance(&[((Arc::clone(&topic), 0), 9), ((Arc::clone(&topic), 2), 10)].into());
        let ready: Vec<u32> = read(&mut waiting, &processed).into_iter().map(|(shard, _)| shard).collect();
        assert_eq!(ready, [2]);
        assert_eq!(waiting.keys().copied().collect::<Vec<_>>(), [0, 1]);
    }
}
