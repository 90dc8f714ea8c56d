//! Acquires the shards that the consumer group assigns, and reacquires those that another instance took by mistake.

use std::sync::Arc;
use std::time::Duration;

use minuet_telemetry::error_chain;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::failpoint::{Failpoint, hit};
use crate::kafka::consumer::{Polled, Rewind};
use crate::runtime::policy::back_off;
use crate::runtime::sweeper::Processed;
use crate::store::context::Core;
use crate::{BatchHandler, Dependency, Health, ReactError};

const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a fenced shard is reacquired: by then the group has revoked it if it belongs to another instance.
const RETAKE_DELAY: Duration = Duration::from_secs(1);

pub(crate) struct ShardAcquirer<R> {
    pub(crate) handler: Arc<R>,
    pub(crate) core: Arc<Core>,
    pub(crate) owner: String,
    pub(crate) consumer: Arc<Polled>,
    pub(crate) topics: Vec<Arc<str>>,
    pub(crate) processed: Arc<Processed>,
    pub(crate) rewinds: mpsc::UnboundedSender<Rewind>,
    pub(crate) health: Health,
    pub(crate) shutdown: CancellationToken,
}

impl<R: BatchHandler> ShardAcquirer<R> {
    pub(crate) async fn run(
        self,
        mut assigned: mpsc::UnboundedReceiver<Vec<u32>>,
        mut fenced: mpsc::UnboundedReceiver<Vec<u32>>,
    ) {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                Some(shards) = assigned.recv() => self.take(shards).await,
                Some(shards) = fenced.recv() => {
                    tokio::time::sleep(RETAKE_DELAY).await;
                    let shards = self.core.shards.still_assigned(&shards);
                    if !shards.is_empty() && self.rewind(&shards).await {
                        self.take(shards).await;
                    }
                }
                else => return,
            }
        }
    }

    /// Retries until the shards are taken or the group has revoked them.
    async fn take(&self, mut shards: Vec<u32>) {
        let (mut attempt, mut taken) = (0, false);
        loop {
            shards = self.core.shards.still_assigned(&shards);
            if shards.is_empty() {
                return;
            }
            let Err(error) = self.try_take(&shards, &mut taken).await else { break };
            warn!(error = error_chain(&error), ?shards, "shards could not be taken; it is retried");
            self.health.down(Dependency::Postgres, "shards cannot be taken");
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(back_off(attempt)) => attempt += 1,
            }
        }
        self.health.up(Dependency::Postgres);
        info!(service = self.core.service, ?shards, "shards taken");
        self.core.wake.notify_one();
    }

    /// Raises each epoch once: raising it again would fence this instance's own transactions.
    async fn try_take(&self, shards: &[u32], taken: &mut bool) -> Result<(), ReactError> {
        if !*taken {
            hit(Failpoint::BeforeTake);
            let take = async |connection: &mut PgConnection| {
                self.core.shards.take(connection, shards, &self.owner).await
            };
            self.core.connections.run(take).await?;
            *taken = true;
            hit(Failpoint::AfterTake);
        }
        self.handler.shards_taken(shards).await
    }

    /// Reads the messages of these shards again that were fetched while another instance held them. `false`: failed;
    /// the shards are queued again.
    async fn rewind(&self, shards: &[u32]) -> bool {
        let asked =
            (Arc::clone(&self.consumer), self.topics.clone(), Arc::clone(&self.processed), shards.to_vec());
        let found =
            tokio::task::spawn_blocking(move || positions(&asked.0, &asked.1, &asked.2, &asked.3)).await;
        let to = match found {
            Ok(Ok(to)) => to,
            Ok(Err(error)) => {
                warn!(
                    error = error_chain(&error),
                    ?shards,
                    "positions of the inputs could not be read; it is retried"
                );
                self.core.shards.take_back(shards.to_vec());
                return false;
            }
            Err(_) => return false,
        };
        let (done, sought) = oneshot::channel();
        // The poller has ended, or the seek failed.
        let done = self.rewinds.send(Rewind { to, done }).is_ok() && sought.await.unwrap_or(false);
        if !done && !self.shutdown.is_cancelled() {
            self.core.shards.take_back(shards.to_vec());
        }
        done
    }
}

/// The offsets to continue from: after the last message processed here, else the group's committed offset, else the
/// beginning.
fn positions(
    consumer: &Polled,
    topics: &[Arc<str>],
    processed: &Processed,
    shards: &[u32],
) -> Result<TopicPartitionList, KafkaError> {
    let mut inputs = TopicPartitionList::new();
    for topic in topics {
        for shard in shards {
            inputs.add_partition(topic, shard.cast_signed());
        }
    }
    let committed = consumer.committed_offsets(inputs, BROKER_TIMEOUT)?;
    let mut positions = TopicPartitionList::new();
    for topic in topics {
        for shard in shards {
            let partition = shard.cast_signed();
            let offset = match (processed.next(topic, partition), committed.find_partition(topic, partition))
            {
                (Some(next), _) => Offset::Offset(next),
                (None, Some(element)) if matches!(element.offset(), Offset::Offset(_)) => element.offset(),
                (None, _) => Offset::Beginning,
            };
            positions.add_partition_offset(topic, partition, offset)?;
        }
    }
    Ok(positions)
}
