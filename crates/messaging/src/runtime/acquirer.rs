//! Acquires the shards that the consumer group assigns, and reacquires those that another instance took by mistake.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use minuet_telemetry::error_chain;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::failpoint::{Failpoint, hit};
use crate::kafka::BROKER_TIMEOUT;
use crate::kafka::consumer::{Polled, Rewind};
use crate::kafka::reader::{ReadError, Reader, Slice};
use crate::runtime::gaps::{self, Gap, Gaps};
use crate::runtime::policy::back_off;
use crate::runtime::positions::{self, Compared, From, Position, Refusal};
use crate::runtime::sweeper::Processed;
use crate::runtime::topic_watch::MissingTopics;
use crate::store::connections::within;
use crate::store::context::Core;
use crate::store::positions::{self as table, NewPosition};
use crate::store::shards;
use crate::{BatchHandler, Dependency, Health, KeptKeys, ReactError};

/// Interval of the look at the topics' ids: one request.
const WATCH_INTERVAL: Duration = Duration::from_secs(10);
/// Upper bound of the statement that gives up what a compacted topic no longer has.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before a fenced shard is reacquired: by then the group has revoked it if it belongs to another instance.
const RETAKE_DELAY: Duration = Duration::from_secs(1);

/// Receives the shards that another instance has taken. One acquirer at a time reads it.
pub(crate) type FencedShards = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Vec<u32>>>>;

pub(crate) struct ShardAcquirer<R> {
    pub(crate) handler: Arc<R>,
    pub(crate) core: Arc<Core>,
    pub(crate) owner: String,
    pub(crate) consumer: Arc<Polled>,
    pub(crate) topics: Vec<Arc<str>>,
    pub(crate) missing: MissingTopics,
    pub(crate) processed: Arc<Processed>,
    pub(crate) gaps: Arc<Gaps>,
    /// The compacted inputs, by name without prefix, and how long each keeps tombstones.
    pub(crate) tombstones: HashMap<String, Duration>,
    pub(crate) kafka: BTreeMap<String, String>,
    pub(crate) rewinds: mpsc::UnboundedSender<Rewind>,
    pub(crate) health: Health,
    pub(crate) shutdown: CancellationToken,
}

impl<R: BatchHandler> ShardAcquirer<R> {
    pub(crate) async fn run(self, mut assigned: mpsc::UnboundedReceiver<Vec<u32>>, fenced: FencedShards) {
        let mut fenced = fenced.lock().await;
        let mut watching = tokio::time::interval(WATCH_INTERVAL);
        watching.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                _ = watching.tick() => self.watch().await,
                Some(shards) = assigned.recv() => self.take(shards).await,
                Some(shards) = fenced.recv() => {
                    tokio::time::sleep(RETAKE_DELAY).await;
                    // Batch and relay report one loss each. A shard that was taken again after the first report is held:
                    // to raise its epoch once more would fence this instance's own transactions.
                    let mut shards = self.core.shards.still_assigned(&shards);
                    shards.retain(|shard| self.core.shards.epoch(*shard).is_none());
                    if !shards.is_empty() && self.rewind(&shards).await {
                        self.take(shards).await;
                    }
                }
                else => return,
            }
        }
    }

    /// Notices topics that were deleted and created again. All shards are given up and taken again: the takeover
    /// compares positions, and reads such a topic from its start.
    async fn watch(&self) {
        let held = self.core.shards.held();
        if held.is_empty() {
            return;
        }
        let asked = (Arc::clone(&self.consumer), self.topics.clone());
        let looking = tokio::task::spawn_blocking(move || positions::ids(&asked.0, &asked.1));
        // A broker that does not answer is noticed elsewhere.
        let Ok(Ok(ids)) = looking.await else { return };
        let changed = self.core.topic_ids.changed(&ids);
        if changed.is_empty() {
            return;
        }
        error!(topics = ?changed, "topics were deleted and created again");
        self.health.down(
            Dependency::Positions,
            &format!("deleted and created again, read from the start soon: {}", changed.join(", ")),
        );
        self.core.shards.fence_off(&held);
    }

    /// Retries until the shards are taken or the group has revoked them.
    async fn take(&self, mut shards: Vec<u32>) {
        let (mut attempt, mut raised, mut told) = (0, None, false);
        loop {
            shards = self.core.shards.still_assigned(&shards);
            if shards.is_empty() {
                return;
            }
            let Err(error) = self.try_take(&shards, &mut raised).await else { break };
            match &error {
                TakeError::Refused(refused) => {
                    if !std::mem::replace(&mut told, true) {
                        refused.iter().for_each(tell_refused);
                    }
                    self.health.down(Dependency::Positions, &error.to_string());
                }
                TakeError::Database(_) => self.health.down(Dependency::Postgres, "shards cannot be taken"),
                TakeError::Kafka(_) | TakeError::Read(_) | TakeError::Seek | TakeError::Ended => {
                    self.health.down(Dependency::Kafka, "the positions of the inputs cannot be read");
                }
            }
            if !matches!(error, TakeError::Refused(_)) {
                warn!(error = error_chain(&error), ?shards, "shards could not be taken; it is retried");
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(back_off(attempt)) => attempt += 1,
            }
        }
        self.health.up(Dependency::Postgres);
        self.health.up_again(Dependency::Positions);
        info!(service = self.core.service, ?shards, "shards taken");
        self.core.wake.notify_one();
    }

    /// Raises each epoch once: raising it again would fence this instance's own transactions. The shards are held only
    /// when the database's positions fit the cluster.
    async fn try_take(&self, shards: &[u32], raised: &mut Option<Vec<(u32, i64)>>) -> Result<(), TakeError> {
        if raised.is_none() {
            hit(Failpoint::BeforeTake);
            let raise = async |connection: &mut PgConnection| {
                // No event is decided before the service has its database's time.
                self.core.clock.ask(connection).await?;
                shards::raise(connection, shards, &self.owner).await
            };
            *raised = Some(self.core.connections.run(raise).await?);
            hit(Failpoint::AfterTake);
        }
        let raised = raised.as_deref().unwrap_or_default();
        // After the epochs were raised: no other instance moves a position from now on.
        self.compare(shards, raised).await?;
        self.core.shards.hold_raised(raised);
        Ok(self.handler.shards_taken(shards).await?)
    }

    async fn compare(&self, shards: &[u32], raised: &[(u32, i64)]) -> Result<(), TakeError> {
        let topics = self.missing.without(&self.topics);
        let asked = (Arc::clone(&self.consumer), topics, shards.to_vec());
        let looking = tokio::task::spawn_blocking(move || positions::look(&asked.0, &asked.1, &asked.2));
        let seen = looking.await.map_err(|_| TakeError::Ended)??;
        let topics: Vec<&str> = self.topics.iter().map(|topic| &**topic).collect();
        let partitions: Vec<i32> = shards.iter().map(|shard| shard.cast_signed()).collect();
        let load = async |connection: &mut PgConnection| table::load(connection, &topics, &partitions).await;
        let remembered = self.core.connections.run(load).await?;
        let is_new = |partition: i32| raised.contains(&(partition.unsigned_abs(), 1));
        let compared: Vec<Compared> = seen
            .into_iter()
            .map(|((topic, partition), seen)| {
                let remembered =
                    remembered.iter().find(|row| *row.topic == *topic && row.partition == partition).cloned();
                let position = positions::compare(remembered.as_ref(), is_new(partition), &seen);
                Compared { topic, partition, seen, remembered, position }
            })
            .collect();
        let is_refused = |compared: &&Compared| matches!(compared.position, Position::Refused(_));
        let rows = compared.iter().filter(is_refused).map(Compared::row).collect::<Vec<_>>();
        if !rows.is_empty() {
            self.write(table::REFUSE, &rows).await?;
            return Err(TakeError::Refused(compared.into_iter().filter(|c| is_refused(&c)).collect()));
        }
        let skipped: Vec<Gap> = compared.iter().filter_map(Compared::skipped).collect();
        let id = |topic: &Arc<str>| compared.iter().find(|c| c.topic == *topic).map(|c| c.seen.topic_id);
        gaps::record(&self.core, &skipped, |topic| id(topic).unwrap_or_default()).await?;
        for compared in &compared {
            self.look_for_deletions(compared).await?;
        }
        // Before the positions are written: after a crash in between, the group agrees with the database.
        self.read_from(&compared).await?;
        let rows: Vec<_> = compared.iter().map(Compared::row).collect();
        self.write(table::RECORD, &rows).await?;
        for Compared { topic, seen, .. } in &compared {
            self.core.topic_ids.set(topic, seen.topic_id);
        }
        let next = compared.iter().filter_map(|c| Some(((Arc::clone(&c.topic), c.partition), c.next()?)));
        self.gaps.expect(next.collect());
        Ok(())
    }

    /// Gives up what a compacted topic no longer has, if its tombstones may have gone unread.
    async fn look_for_deletions(&self, compared: &Compared) -> Result<(), TakeError> {
        let Compared { topic, partition, seen, .. } = compared;
        let (topic, partition, seen) = (Arc::clone(topic), *partition, *seen);
        let name = topic.strip_prefix(&*self.core.prefix).unwrap_or(&topic).to_owned();
        let Some(tombstones) = self.tombstones.get(&name) else { return Ok(()) };
        if !compared.may_miss_tombstones(*tombstones) {
            return Ok(());
        }
        let (kafka, client) = (self.kafka.clone(), format!("{}-keys", self.owner));
        let slice = Slice { topic: Arc::clone(&topic), partition, offsets: seen.earliest..seen.end };
        let looking = tokio::task::spawn_blocking(move || Reader::new(&kafka, &client)?.kept_keys(&[slice]));
        let keys: Vec<String> = looking.await.map_err(|_| TakeError::Ended)??.into_iter().collect();
        let kept = KeptKeys { topic: &name, topic_id: seen.topic_id, partition, end: seen.end, keys: &keys };
        let mut connection = self.core.connections.get().await?;
        let giving_up = async {
            let given_up = self.handler.keep_only(&mut connection, &kept).await?;
            table::looked_through(&mut connection, &topic, partition).await?;
            Ok::<_, ReactError>(given_up)
        };
        let done = within(LOOK_TIMEOUT, giving_up).await;
        self.core.connections.put_back(connection, &done);
        let given_up = done?;
        warn!(
            topic = &*topic,
            partition,
            keys = keys.len(),
            given_up,
            "deletions may have gone unread; what the topic no longer has was given up"
        );
        Ok(())
    }

    async fn write(&self, statement: &'static str, rows: &[NewPosition]) -> Result<(), TakeError> {
        let write = async |connection: &mut PgConnection| table::write(connection, statement, rows).await;
        Ok(self.core.connections.run(write).await?)
    }

    /// Moves the reader and the group to the positions that are not the group's.
    async fn read_from(&self, compared: &[Compared]) -> Result<(), TakeError> {
        let mut to = TopicPartitionList::new();
        for Compared { topic, partition, remembered, position, .. } in compared {
            let Position::From { next, why } = position else { continue };
            let before = remembered.as_ref().map(|remembered| remembered.next);
            self.processed.advance(&[((Arc::clone(topic), *partition), *next)].into());
            match why {
                From::Recreated => {
                    warn!(
                        topic = &**topic,
                        partition, before, next, "topic was created again; it is read whole"
                    );
                }
                From::Accepted(accepted) => {
                    let accepted = accepted.name();
                    warn!(topic = &**topic, partition, before, next, accepted, "position was accepted");
                }
            }
            to.add_partition_offset(topic, *partition, Offset::Offset(*next))?;
        }
        if to.count() == 0 {
            return Ok(());
        }
        if !self.seek(to.clone()).await {
            return Err(TakeError::Seek);
        }
        let consumer = Arc::clone(&self.consumer);
        let committing = tokio::task::spawn_blocking(move || consumer.commit(&to, CommitMode::Sync));
        Ok(committing.await.map_err(|_| TakeError::Ended)??)
    }

    /// Reads on from these offsets. `false`: the poller has ended, or the seek failed.
    async fn seek(&self, to: TopicPartitionList) -> bool {
        let (done, sought) = oneshot::channel();
        self.rewinds.send(Rewind { to, done }).is_ok() && sought.await.unwrap_or(false)
    }

    /// Reads the messages of these shards again that were fetched while another instance held them. `false`: failed;
    /// the shards are queued again.
    async fn rewind(&self, shards: &[u32]) -> bool {
        let topics = self.missing.without(&self.topics);
        let asked = (Arc::clone(&self.consumer), topics, Arc::clone(&self.processed), shards.to_vec());
        let found =
            tokio::task::spawn_blocking(move || rewound(&asked.0, &asked.1, &asked.2, &asked.3)).await;
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
        let done = self.seek(to).await;
        if !done && !self.shutdown.is_cancelled() {
            self.core.shards.take_back(shards.to_vec());
        }
        done
    }
}

/// Why shards were not taken.
#[derive(Debug, thiserror::Error)]
enum TakeError {
    #[error(transparent)]
    Database(#[from] ReactError),
    #[error("the positions of the inputs cannot be read")]
    Kafka(#[from] KafkaError),
    #[error("a compacted topic cannot be looked through")]
    Read(#[from] ReadError),
    #[error("the inputs could not be read from another position")]
    Seek,
    #[error("the request for the positions of the inputs ended")]
    Ended,
    /// Not empty.
    #[error("{}; see `minuet positions list`", first(.0))]
    Refused(Vec<Compared>),
}

impl std::convert::From<sqlx::Error> for TakeError {
    fn from(error: sqlx::Error) -> Self {
        TakeError::Database(error.into())
    }
}

fn first(refused: &[Compared]) -> String {
    refused.first().map(Compared::to_string).unwrap_or_default()
}

fn tell_refused(compared: &Compared) {
    let Compared { topic, partition, position, .. } = compared;
    let Position::Refused(refusal) = position else { return };
    let (consumed, committed, end) = match refusal {
        Refusal::DatabasePutBack { consumed, committed } => (*consumed, Some(*committed), None),
        Refusal::TopicPutBack { consumed, end } => (*consumed, None, Some(*end)),
    };
    let detail = format!(
        "{refusal}. Rebuild the database (minuet audit replay rebuild), or accept it (minuet positions accept)"
    );
    error!(
        topic = &**topic,
        partition, consumed, committed, end, detail, "position was put back; nothing is read"
    );
}

/// The offsets to continue from: after the last message processed here, else the group's committed offset, else the
/// beginning.
fn rewound(
    consumer: &Polled,
    topics: &[Arc<str>],
    processed: &Processed,
    shards: &[u32],
) -> Result<TopicPartitionList, KafkaError> {
    let inputs = positions::partitions(topics, shards, |_, _| Offset::Invalid)?;
    let committed = consumer.committed_offsets(inputs, BROKER_TIMEOUT)?;
    positions::partitions(topics, shards, |topic, partition| {
        match (processed.next(topic, partition), committed.find_partition(topic, partition)) {
            (Some(next), _) => Offset::Offset(next),
            (None, Some(element)) if matches!(element.offset(), Offset::Offset(_)) => element.offset(),
            (None, _) => Offset::Beginning,
        }
    })
}
