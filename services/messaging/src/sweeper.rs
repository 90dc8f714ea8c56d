//! Time passes too: what is due is found by its time, decided like an event, and committed in the name of its shard.
//!
//! A sweep must not overtake news: after an outage, the payment of an order may wait in a topic while its reservation has
//! long expired. So the sweeper finds what is due, asks the broker for the ends of the inputs of these shards, waits until
//! this instance has processed everything up to them, and only then decides, under the row's lock. Whatever was published
//! before it asked is known by then.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use minuet_events::values::{Micros, OrderId};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::consumer::Polled;
use crate::fault::{Point, reach};
use crate::policy::chain;
use crate::{Lane, ReactError, Reacted, Reactor};

/// Most orders in one transaction.
const BATCH: usize = 500;
const BROKER: Duration = Duration::from_secs(5);
/// How long a sweep waits for its inputs; then it begins anew, later.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A transaction may commit a row this much later than the time in it says.
const LATE: time::Duration = time::Duration::seconds(120);

pub(crate) const SINCE: &str =
    "select min(coalesce(swept_until, 'epoch')) from shards where shard = any($1::smallint[])";
pub(crate) const SWEPT: &str =
    "update shards s set swept_until = $3 from unnest($1::smallint[], $2::bigint[]) as held (shard, epoch)
     where s.shard = held.shard and s.epoch = held.epoch";

/// Offsets up to which this instance has processed its inputs.
#[derive(Default)]
pub(crate) struct Processed(Mutex<HashMap<(Arc<str>, i32), i64>>);

impl Processed {
    pub(crate) fn advance(&self, next: &HashMap<(Arc<str>, i32), i64>) {
        let mut processed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, offset) in next {
            processed.insert(partition.clone(), *offset);
        }
    }

    /// The offset after the last one that was processed here. None: nothing was, yet.
    pub(crate) fn next(&self, topic: &Arc<str>, partition: i32) -> Option<i64> {
        let processed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        processed.get(&(Arc::clone(topic), partition)).copied()
    }

    fn reached(&self, ends: &[(Arc<str>, i32, i64)]) -> bool {
        let processed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().all(|(topic, partition, end)| {
            processed.get(&(Arc::clone(topic), *partition)).is_some_and(|offset| offset >= end)
        })
    }
}

pub(crate) struct Sweeper<R> {
    pub(crate) reactor: Arc<R>,
    pub(crate) lane: Lane,
    pub(crate) consumer: Arc<Polled>,
    pub(crate) topics: Vec<Arc<str>>,
    pub(crate) processed: Arc<Processed>,
    pub(crate) shutdown: CancellationToken,
}

impl<R: Reactor> Sweeper<R> {
    pub(crate) async fn run(self) {
        let Some(interval) = self.reactor.sweep_interval() else { return self.shutdown.cancelled().await };
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            let swept = tokio::select! {
                () = self.shutdown.cancelled() => return,
                swept = self.sweep() => swept,
            };
            match swept {
                Ok(0) => {}
                Ok(orders) => info!(service = self.lane.service, orders, "swept"),
                Err(error) => {
                    warn!(service = self.lane.service, error = chain(&error), "a sweep begins anew")
                }
            }
        }
    }

    /// Answers with how many orders were found due.
    async fn sweep(&self) -> Result<usize, SweepError> {
        let held = self.lane.shards.held();
        if held.is_empty() {
            return Ok(0);
        }
        let now = self.lane.now();
        let (numbers, epochs): (Vec<i16>, Vec<i64>) =
            held.iter().map(|(shard, epoch)| (i16::try_from(*shard).unwrap_or(i16::MAX), *epoch)).unzip();
        let due = self.due(&numbers, now).await?;
        if !due.is_empty() {
            reach(Point::AfterDue);
            let shards: BTreeSet<u32> = due.iter().map(|order| self.shard(*order)).collect();
            self.caught_up(shards).await?;
            for orders in due.chunks(BATCH) {
                decide(&*self.reactor, &self.lane, orders, now).await?;
            }
        }
        sqlx::query(SWEPT)
            .bind(&numbers)
            .bind(&epochs)
            .bind(now.plus(-LATE).to_datetime())
            .execute(self.lane.pool())
            .await
            .map_err(ReactError::from)?;
        Ok(due.len())
    }

    fn shard(&self, order: OrderId) -> u32 {
        self.lane.shard_of(&order.to_string())
    }

    /// What is due in our shards, the oldest first.
    async fn due(&self, shards: &[i16], now: Micros) -> Result<Vec<OrderId>, ReactError> {
        let mut connection = self.lane.pool().acquire().await?;
        let since: Option<time::OffsetDateTime> =
            sqlx::query_scalar(SINCE).bind(shards).fetch_one(&mut *connection).await?;
        let since = since.map_or(Micros(0), Micros::from_datetime);
        let mut due = self.reactor.due(&mut connection, since, now).await?;
        let is_ours =
            |order: &OrderId| shards.iter().any(|shard| i64::from(*shard) == i64::from(self.shard(*order)));
        due.retain(is_ours);
        Ok(due)
    }

    /// Waits until the inputs of these shards are processed up to their present ends.
    async fn caught_up(&self, shards: BTreeSet<u32>) -> Result<(), SweepError> {
        let (consumer, topics) = (Arc::clone(&self.consumer), self.topics.clone());
        let asked = tokio::task::spawn_blocking(move || ends(&consumer, &topics, &shards)).await;
        let ends = asked.map_err(|_| SweepError::Broker(KafkaError::Canceled))??;
        let until = tokio::time::Instant::now() + PATIENCE;
        while !self.processed.reached(&ends) {
            if tokio::time::Instant::now() > until {
                return Err(SweepError::Behind);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

/// One transaction. What has happened to an order meanwhile is seen under its row's lock.
pub(crate) async fn decide<R: Reactor>(
    reactor: &R,
    lane: &Lane,
    orders: &[OrderId],
    now: Micros,
) -> Result<(), ReactError> {
    let shards: BTreeSet<u32> = orders.iter().map(|order| lane.shard_of(&order.to_string())).collect();
    let mut transaction = lane.begin(&shards.into_iter().collect::<Vec<_>>()).await?;
    let Reacted { emissions, after, .. } = reactor.sweep(transaction.connection(), now, orders).await?;
    reach(Point::BeforeSweepCommit);
    transaction.commit(&emissions).await?;
    reactor.committed(after);
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error("what is due cannot be decided")]
    React(#[from] ReactError),
    #[error("the ends of the inputs cannot be asked for")]
    Broker(#[from] KafkaError),
    #[error("the inputs are not processed up to their ends yet")]
    Behind,
}

/// The ends of the partitions that have something which the group has not committed yet.
fn ends(
    consumer: &Polled,
    topics: &[Arc<str>],
    shards: &BTreeSet<u32>,
) -> Result<Vec<(Arc<str>, i32, i64)>, KafkaError> {
    let mut partitions = TopicPartitionList::new();
    for topic in topics {
        for shard in shards {
            partitions.add_partition(topic, shard.cast_signed());
        }
    }
    let committed = consumer.committed_offsets(partitions, BROKER)?;
    let mut ends = Vec::new();
    for topic in topics {
        for shard in shards {
            let partition = shard.cast_signed();
            let (low, end) = consumer.fetch_watermarks(topic, partition, BROKER)?;
            let done = match committed.find_partition(topic, partition).map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => offset,
                _ => low,
            };
            if done < end {
                ends.push((Arc::clone(topic), partition, end));
            }
        }
    }
    Ok(ends)
}
