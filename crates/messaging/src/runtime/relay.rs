//! Publishes the outbox: sends the rows that this process has committed, from memory, and every other row as a read of the
//! table finds it.
//!
//! An event is sent only after the event before it of its key was acknowledged. From memory goes a row whose `ce_sequence`
//! follows what this process last published of its key. A read starts from the lowest row each time: the rows before it of
//! its key were acknowledged, or they would be there. There is no cursor: a row that commits late has a lower id than
//! published ones.
//!
//! At most one row per lane is in flight: an idempotent producer does not keep the order when row 1 fails and row 2 is
//! accepted. A failed row stays in the table and blocks its lane; other lanes continue.
//!
//! Rows that were read are deleted at once, under the epochs of their shards. Rows that were sent from memory are deleted by
//! the next transaction that appends ([`Acknowledged`](crate::store::acknowledged::Acknowledged)), or before the next read.
//! Acknowledged rows that are not deleted yet are not published again.
//!
//! A lane is a key. The announcements of parked messages have lanes of their own: a stranger chooses what they hold, and
//! no order may wait for them.

mod last_published;
mod producers;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::TryStreamExt;
use minuet_envelope::TraceContext;
use minuet_telemetry::error_chain;
use minuet_telemetry::{Kind, Span};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::Producer as _;
use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::failpoint::{Failpoint, hit};
use crate::kafka::config;
use crate::kafka::produce_batch::{ProduceBatch, Record};
use crate::observe::spans;
use crate::runtime::policy::back_off;
use crate::store::acknowledged::RowId;
use crate::store::connections::{Connections, STATEMENT_TIMEOUT, within};
use crate::store::context::Core;
use crate::store::outbox::{self, Row};
use crate::store::relay_queue::CommittedRow;
use crate::store::shards;
use crate::store::stored_headers::StoredHeaders;
use crate::topics::TopicName;
use crate::{Counts, Dependency, Health};

use last_published::{LastPublished, Place};

pub(crate) use producers::Producers;

/// Upper bound of rows per round; PostgreSQL gains little from larger reads.
const MAX_ROWS: usize = 1_000;
/// Pause before a key is tried again whose row the broker refused.
const REFUSED_KEY_PAUSE: Duration = Duration::from_secs(5);
/// Upper bound of bytes per read: rows may have the broker's maximum message size.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Maximum time to empty the outbox after shutdown; the next start publishes the rest.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Interval of metadata requests to a broker that was away while nothing is to be sent.
const KAFKA_PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Interval of pings to the database while no shard is held.
const DATABASE_PROBE_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Relay {
    pub(crate) core: Arc<Core>,
    /// A pool of its own: see [`crate::store::database::connect_relay`].
    pub(crate) connections: Arc<Connections>,
    pub(crate) producers: Producers,
    /// Names of the topics that were published to.
    topics: Vec<TopicName>,
    pub(crate) poll: Duration,
    pub(crate) health: Health,
    pub(crate) counts: Arc<Counts>,
    /// The acknowledged rows whose deletion failed. At most one read's rows.
    undeleted: Vec<RowId>,
    last: LastPublished,
    /// The table has rows that are not sent from memory.
    must_read: bool,
    /// When the table was last read, and the shards that were held then.
    read: Option<(Instant, Vec<(u32, i64)>)>,
    /// Blocked lanes, and until when.
    stopped: HashMap<Lane, Instant>,
    kafka_was_up: bool,
    probed_kafka_at: Instant,
    /// `None`: the database has not answered last.
    asked_database_at: Option<Instant>,
}

/// The rows that leave one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lane {
    /// Whether the rows announce parked messages.
    announces: bool,
    key: String,
}

impl Lane {
    fn of(row: &Row, dead_letters: &str) -> Lane {
        Lane { announces: row.topic == dead_letters, key: row.key.clone() }
    }
}

/// Where a row was found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// A transaction of this process has committed it.
    Memory,
    /// A read of the outbox.
    Table,
}

impl Origin {
    /// As an attribute.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Origin::Memory => "memory",
            Origin::Table => "table",
        }
    }
}

/// The queue of committed rows, as long as its relay runs.
struct OpenQueue(Arc<Core>);

impl OpenQueue {
    fn of(core: &Arc<Core>) -> Self {
        core.relay_queue.open();
        OpenQueue(Arc::clone(core))
    }
}

impl Drop for OpenQueue {
    fn drop(&mut self) {
        self.0.relay_queue.close();
    }
}

/// The result of one round.
#[derive(Default)]
struct Round {
    published: usize,
    /// The read reached a bound, so more rows may be ready.
    was_cut: bool,
}

impl Relay {
    pub(crate) fn new(
        core: Arc<Core>,
        connections: Arc<Connections>,
        producers: Producers,
        poll: Duration,
        health: Health,
        counts: Arc<Counts>,
    ) -> Self {
        let (stopped, probed_kafka_at) = (HashMap::new(), Instant::now());
        Relay {
            core,
            connections,
            producers,
            topics: Vec::new(),
            poll,
            health,
            counts,
            undeleted: Vec::new(),
            last: LastPublished::default(),
            must_read: true,
            read: None,
            stopped,
            kafka_was_up: false,
            probed_kafka_at,
            asked_database_at: None,
        }
    }

    /// Runs until shutdown, then until the outbox is empty, for at most [`DRAIN_TIMEOUT`].
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let (mut failures, mut stopping_since) = (0, None);
        let core = Arc::clone(&self.core);
        let _queue = OpenQueue::of(&core);
        loop {
            if let Some((error, reason)) = self.producers.fatal_error() {
                error!(error = error_chain(&error), detail = reason, "producer failed for good");
                return;
            }
            let asked = Instant::now();
            match self.round(shutdown.is_cancelled()).await {
                Ok(Round { published, was_cut }) => {
                    core.outage.ends();
                    if failures > 0 {
                        self.health.up(Dependency::Postgres);
                    }
                    failures = 0;
                    if shutdown.is_cancelled() {
                        let stopping_since = stopping_since.get_or_insert_with(Instant::now);
                        if published == 0 || stopping_since.elapsed() > DRAIN_TIMEOUT {
                            return;
                        }
                        continue;
                    }
                    // No empty poll: the next commit notifies the relay.
                    if published > 0 && was_cut {
                        continue;
                    }
                    self.probe_kafka().await;
                }
                Err(error) => {
                    warn!(
                        error = error_chain(&error),
                        "outbox could not be read, or its rows not deleted; it is retried"
                    );
                    core.outage.failed(asked, &error);
                    self.health
                        .down(Dependency::Postgres, "the outbox cannot be read, or its rows not deleted");
                    failures += 1;
                }
            }
            if shutdown.is_cancelled() {
                return;
            }
            let nap = if failures > 0 { back_off(failures) } else { self.until_read() };
            tokio::select! {
                () = core.wake.notified() => {}
                () = tokio::time::sleep(nap) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Time until the table has to be read again, whatever is committed here: other instances write rows, too.
    fn until_read(&self) -> Duration {
        self.read.as_ref().map_or(self.poll, |(at, _)| self.poll.saturating_sub(at.elapsed()))
    }

    /// Sends what was committed since the last round. Reads the table if it may have other rows. `is_last`: reads it anyway.
    async fn round(&mut self, is_last: bool) -> Result<Round, sqlx::Error> {
        let held = self.core.shards.held();
        if held.is_empty() {
            self.undeleted.clear();
            drop(self.core.relay_queue.take(usize::MAX));
            self.delete_acknowledged().await?;
            // Reading the outbox tells whether the database answers; without shards there is nothing to read.
            return self.ask().await.map(|()| Round::default());
        }
        let now = Instant::now();
        self.stopped.retain(|_, until| *until > now);
        let sent = self.send_committed().await;
        let was_read_for = self.read.as_ref().is_some_and(|(_, shards)| *shards == held);
        if !is_last && !self.must_read && was_read_for && !self.until_read().is_zero() {
            return Ok(Round { published: sent, was_cut: false });
        }
        let read = self.send_read(held).await?;
        Ok(Round { published: sent + read.published, ..read })
    }

    /// Sends the rows that this process has committed and whose predecessors are published. Returns how many the broker has
    /// acknowledged.
    async fn send_committed(&mut self) -> usize {
        let (committed, must_read) = self.core.relay_queue.take(MAX_ROWS);
        if !self.core.relay_queue.is_empty() {
            self.core.wake.notify_one();
        }
        self.must_read |= must_read;
        let rows = self.following(committed);
        if rows.is_empty() {
            return 0;
        }
        hit(Failpoint::AfterRelayRead);
        let published = self.publish(rows, Origin::Memory).await;
        if !published.is_empty() {
            hit(Failpoint::AfterRelayAck);
            self.core.acknowledged.add(&published);
            Counts::add(&self.counts.published, published.len());
        }
        published.len()
    }

    /// The rows that may be sent from memory, in their order. Rows of shards that were lost since their commit are left to
    /// the new owner.
    fn following(&mut self, committed: Vec<CommittedRow>) -> Vec<Row> {
        // The last sequence of each key among these rows. `None`: a row is left to the table, and so are the later ones.
        let mut before: HashMap<String, Option<i64>> = HashMap::new();
        let mut rows = Vec::with_capacity(committed.len());
        for CommittedRow { row, shard, epoch } in committed {
            let is_blocked = || self.stopped.contains_key(&Lane::of(&row, &self.core.dead_letters));
            if self.core.shards.epoch(shard) != Some(epoch) || (!self.stopped.is_empty() && is_blocked()) {
                continue;
            }
            let sequence = row.sequence();
            let last = match before.get(&row.key) {
                Some(None) => continue,
                Some(last) => *last,
                None => self.last.of(&row.key),
            };
            match Place::of(sequence, last) {
                Place::Next => {
                    before.insert(row.key.clone(), sequence);
                    rows.push(row);
                }
                Place::Published => {}
                Place::Unknown => {
                    before.insert(row.key, None);
                    self.must_read = true;
                }
            }
        }
        rows
    }

    /// Reads the lowest rows, sends them, and deletes those that were acknowledged.
    async fn send_read(&mut self, held: Vec<(u32, i64)>) -> Result<Round, sqlx::Error> {
        self.delete_acknowledged().await?;
        self.delete_read(&held).await?;
        // A transaction may be deleting some: a read sees them until it has committed.
        let undeleted = self.core.acknowledged.undeleted();
        let (shards, _) = shards::columns(&held);
        let (announced, others): (Vec<&Lane>, Vec<&Lane>) =
            self.stopped.keys().partition(|lane| lane.announces);
        let keys = |lanes: Vec<&'_ Lane>| lanes.into_iter().map(|lane| lane.key.clone()).collect::<Vec<_>>();
        let blocked = Blocked {
            dead_letters: &self.core.dead_letters,
            announced: keys(announced),
            others: keys(others),
        };
        let mut connection = self.connections.get().await?;
        let begun = Instant::now();
        let done = within(STATEMENT_TIMEOUT, read(&mut connection, &shards, &blocked)).await;
        self.connections.put_back(connection, &done);
        let (mut rows, was_cut) = done?;
        (self.must_read, self.read) = (false, Some((begun, held.clone())));
        rows.retain(|row| !undeleted.contains(&row.row_id()));
        hit(Failpoint::AfterRelayRead);
        if rows.is_empty() {
            return Ok(Round::default());
        }
        self.undeleted = self.publish(rows, Origin::Table).await;
        let published = self.undeleted.len();
        if published > 0 {
            hit(Failpoint::AfterRelayAck);
            self.core.refusals.published(&self.undeleted);
            self.delete_read(&held).await?;
        }
        self.must_read |= was_cut && published > 0;
        Ok(Round { published, was_cut })
    }

    /// Deletes the rows that were sent from memory and that no transaction has deleted yet.
    async fn delete_acknowledged(&self) -> Result<(), sqlx::Error> {
        loop {
            let deleting = self.core.acknowledged.take();
            if deleting.is_empty() {
                return Ok(());
            }
            let (ids, times) = deleting.columns();
            let mut connection = self.connections.get().await?;
            let asked = sqlx::query(outbox::DELETE_ACKNOWLEDGED).bind(ids).bind(times);
            let done = within(STATEMENT_TIMEOUT, asked.execute(&mut *connection)).await;
            self.connections.put_back(connection, &done);
            done?;
            hit(Failpoint::AfterRelayDelete);
            deleting.done();
        }
    }

    /// Notices a database that does not answer, and one that answers again, while this instance holds no shard.
    async fn ask(&mut self) -> Result<(), sqlx::Error> {
        if self.asked_database_at.is_some_and(|at| at.elapsed() < DATABASE_PROBE_INTERVAL) {
            return Ok(());
        }
        self.asked_database_at = None;
        let mut connection = self.connections.get().await?;
        let done = within(STATEMENT_TIMEOUT, connection.ping()).await;
        self.connections.put_back(connection, &done);
        done?;
        self.asked_database_at = Some(Instant::now());
        Ok(())
    }

    /// Deletes the acknowledged rows of the last read. Nothing is read before that: a database that reads and does not
    /// delete, as after a demotion, would have the same rows published again and again.
    async fn delete_read(&mut self, held: &[(u32, i64)]) -> Result<(), sqlx::Error> {
        if self.undeleted.is_empty() {
            return Ok(());
        }
        // `get` pings the connection if the broker was slow.
        let mut connection = self.connections.get().await?;
        let done = within(STATEMENT_TIMEOUT, self.try_delete(&mut connection, &self.undeleted, held)).await;
        self.connections.put_back(connection, &done);
        done?;
        Counts::add(&self.counts.published, self.undeleted.len());
        self.undeleted.clear();
        Ok(())
    }

    async fn try_delete(
        &self,
        connection: &mut PgConnection,
        published: &[RowId],
        held: &[(u32, i64)],
    ) -> Result<(), sqlx::Error> {
        let (ids, times): (Vec<i64>, Vec<OffsetDateTime>) = published.iter().copied().unzip();
        let youngest = times.into_iter().max();
        let (shards, epochs) = shards::columns(held);
        let deleted = sqlx::query(outbox::DELETE)
            .bind(&ids)
            .bind(youngest)
            .bind(&shards)
            .bind(&epochs)
            .execute(&mut *connection)
            .await?;
        hit(Failpoint::AfterRelayDelete);
        if deleted.rows_affected() < published.len() as u64 {
            self.check_epochs(connection, held).await?;
        }
        Ok(())
    }

    /// Detects that a broker is back while the service is idle: without traffic the client reports nothing.
    async fn probe_kafka(&mut self) {
        let is_up = self.health.is_up(Dependency::Kafka);
        self.kafka_was_up |= is_up;
        // The consumer reports the first connection, with its assignment.
        if is_up || !self.kafka_was_up || self.probed_kafka_at.elapsed() < KAFKA_PROBE_INTERVAL {
            return;
        }
        self.probed_kafka_at = Instant::now();
        let producer = self.producers.of(1).clone();
        let asked =
            tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, KAFKA_PROBE_INTERVAL));
        if matches!(asked.await, Ok(Ok(_))) {
            self.health.up(Dependency::Kafka);
        }
    }

    /// Rows that could not be deleted belong to another instance now; without this check they would be published for
    /// ever.
    async fn check_epochs(
        &self,
        connection: &mut PgConnection,
        held: &[(u32, i64)],
    ) -> Result<(), sqlx::Error> {
        let lost = shards::fence(connection, held).await?.lost;
        if !lost.is_empty() {
            warn!(shards = ?lost, "shards were lost to another instance; their outbox is left to it");
            self.core.shards.fence_off(&lost);
        }
        Ok(())
    }

    /// Sends in batches with at most one row per key. Returns the acknowledged rows.
    async fn publish(&mut self, mut rows: Vec<Row>, origin: Origin) -> Vec<RowId> {
        let mut published = Vec::with_capacity(rows.len());
        let (began, relay) = (SystemTime::now(), OnceCell::new());
        while !rows.is_empty() {
            let (batch, mut later) = next_batch(rows, &self.core.dead_letters);
            let (began_batch, begun) = (Instant::now(), SystemTime::now());
            let sent = ProduceBatch::new(batch.len());
            // Prepare all records first: the client's thread starts to send at the first one.
            let topics: Vec<TopicName> = batch.iter().map(|row| self.topic(&row.topic)).collect();
            let time = self.core.clock.record_time();
            let records: Vec<Record<'_>> =
                batch.iter().zip(&topics).map(|(row, topic)| self.record(row, topic, time)).collect();
            let producer = self.producers.of(batch.len());
            for (place, record) in records.into_iter().enumerate() {
                sent.send(producer, place, record).await;
                hit(Failpoint::BeforeRelayAck);
            }
            let results = sent.results().await;
            if let Some((handed_over, appended)) = sent.appended() {
                self.core.clock.acknowledged(handed_over, appended);
            }
            self.measure(&topics, &results, began_batch.elapsed());
            for ((row, topic), result) in batch.into_iter().zip(&topics).zip(results) {
                self.record_span(&row, topic, begun, result.as_ref().err(), &relay);
                match result {
                    Ok(()) => {
                        if let Some(sequence) = row.sequence() {
                            self.last.published(&row.key, sequence);
                        }
                        published.push(row.row_id());
                    }
                    Err(error) => {
                        let lane = self.stop(&row, &error);
                        later.retain(|other| Lane::of(other, &self.core.dead_letters) != lane);
                    }
                }
            }
            rows = later;
        }
        if let Some(relay) = relay.get() {
            let name = format!("relay {}", self.core.service);
            self.core.tracer.record(Span::new(name, Kind::Internal, relay, began).until(SystemTime::now()));
        }
        if !published.is_empty() {
            self.health.up(Dependency::Kafka);
            self.core.instruments.published(published.len(), origin.name());
        }
        published
    }

    /// The partition is named, by P: the client's partitioner hashes over the partitions that the cluster has.
    fn record<'a>(&self, row: &'a Row, topic: &'a TopicName, timestamp: Option<i64>) -> Record<'a> {
        let partition = self.core.partition_of(topic, &row.key);
        let headers = headers_of(&row.headers);
        Record {
            topic: topic.full(),
            key: Some(row.key.as_bytes()),
            partition,
            payload: Some(&row.payload),
            timestamp,
            headers,
        }
    }

    /// Linear search: a service publishes to few topics.
    fn topic(&mut self, plain: &str) -> TopicName {
        if let Some(known) = self.topics.iter().find(|topic| topic.plain() == plain) {
            return known.clone();
        }
        let name = self.core.topic(plain);
        self.topics.push(name.clone());
        name
    }

    /// Records one measurement per topic and outcome.
    fn measure(&self, topics: &[TopicName], results: &[Result<(), KafkaError>], took: Duration) {
        let mut counts: HashMap<(&str, Option<&'static str>), u64> = HashMap::new();
        for (topic, result) in topics.iter().zip(results) {
            let error = result.as_ref().err().map(config::error_type);
            *counts.entry((topic.full(), error)).or_default() += 1;
        }
        for ((topic, error), count) in counts {
            self.core.instruments.sending.sent(topic, count, took, error);
        }
    }

    /// `relay`: this round's own span, created when a row of another instance is found.
    fn record_span(
        &self,
        row: &Row,
        topic: &TopicName,
        begun: SystemTime,
        error: Option<&KafkaError>,
        relay: &OnceCell<TraceContext>,
    ) {
        let tracer = self.core.tracer;
        let error = error.map(|error| error as &(dyn std::error::Error + 'static));
        let relay = || relay.get_or_init(|| tracer.companion()).clone();
        spans::relayed(&self.core, row, topic, begun, relay, error);
    }

    /// Blocks the row's lane for a while.
    fn stop(&mut self, row: &Row, error: &KafkaError) -> Lane {
        let refused = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::InvalidMessage
                    | RDKafkaErrorCode::InvalidRecord
            )
        );
        if refused {
            self.core.refusals.refused(row.id, error_chain(error));
            error!(
                error = error_chain(error),
                outbox_id = row.id,
                key = row.key,
                topic = row.topic,
                "broker refused the event; later events of this key are blocked"
            );
        } else {
            warn!(
                error = error_chain(error),
                outbox_id = row.id,
                key = row.key,
                topic = row.topic,
                "publish failed; later events of this key are blocked"
            );
            self.health.down(Dependency::Kafka, "the broker does not acknowledge");
        }
        let wait = if refused { REFUSED_KEY_PAUSE } else { Duration::from_millis(100) };
        let lane = Lane::of(row, &self.core.dead_letters);
        self.stopped.insert(lane.clone(), Instant::now() + wait);
        lane
    }
}

/// The keys of the blocked lanes.
struct Blocked<'a> {
    /// The topic of the dead letters.
    dead_letters: &'a str,
    /// Keys on that topic.
    announced: Vec<String>,
    /// Keys of all other topics.
    others: Vec<String>,
}

/// The lowest rows, up to the bound of rows or bytes, at least one; and whether a bound was reached.
async fn read(
    connection: &mut PgConnection,
    shards: &[i16],
    blocked: &Blocked<'_>,
) -> Result<(Vec<Row>, bool), sqlx::Error> {
    let query = sqlx::query_as::<_, Row>(outbox::NEXT)
        .bind(shards)
        .bind(blocked.dead_letters)
        .bind(&blocked.announced)
        .bind(&blocked.others)
        .bind(MAX_ROWS.cast_signed() as i64);
    let mut stream = query.fetch(&mut *connection);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(row) = stream.try_next().await? {
        bytes += row.bytes();
        rows.push(row);
        if bytes >= MAX_BYTES {
            drop(stream);
            // Drain the statement's remaining rows: they must not stay open in the database during the send.
            connection.ping().await?;
            return Ok((rows, true));
        }
    }
    let was_cut = rows.len() >= MAX_ROWS;
    Ok((rows, was_cut))
}

/// The first row of each lane, and the other rows in their order.
fn next_batch(rows: Vec<Row>, dead_letters: &str) -> (Vec<Row>, Vec<Row>) {
    let mut lanes = HashSet::with_capacity(rows.len());
    let first: Vec<bool> =
        rows.iter().map(|row| lanes.insert((row.topic == dead_letters, row.key.as_str()))).collect();
    if first.iter().all(|first| *first) {
        return (rows, Vec::new());
    }
    let (mut batch, mut later) = (Vec::with_capacity(rows.len()), Vec::new());
    for (row, first) in rows.into_iter().zip(first) {
        if first { batch.push(row) } else { later.push(row) }
    }
    (batch, later)
}

fn headers_of(stored: &StoredHeaders) -> OwnedHeaders {
    stored.published().fold(OwnedHeaders::new_with_capacity(16), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    })
}
