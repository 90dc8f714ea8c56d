//! A service on the bench: driven by hand, batch by batch, at a time that the test says. Beside it, what its model expects.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;

use minuet_events::values::{Micros, OrderId};
use minuet_events::{Codec, Envelope, Event, ids};
use minuet_messaging::topics::Catalogue;
use minuet_messaging::{BatchHandler, Cause, Clock, Counts, Incoming, SteppedService};
use minuet_tests::{Options, World};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

pub(super) const PARTITIONS: u32 = 4;

/// A service over the shop's events, of which orders may become due.
pub(super) trait ShopService: BatchHandler<Contract = Codec, Due = OrderId> {}

impl<R: BatchHandler<Contract = Codec, Due = OrderId>> ShopService for R {}

pub(super) struct Bench<R: ShopService> {
    pub(super) hand: SteppedService<R>,
    pub(super) world: World,
    service: &'static str,
    offset: Cell<i64>,
}

/// A message and what is in it, as often as the test wants to send it.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) envelope: Envelope,
    pub(super) event: Event,
    pub(super) message: Incoming,
}

/// An event in the outbox, without what is not decided: its trace.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) id: Uuid,
    pub(super) caused_by: Option<Uuid>,
    pub(super) sequence: Option<i64>,
    pub(super) time: Micros,
    pub(super) event: Event,
}

impl Told {
    pub(super) fn new(cause: Cause, event: Event, sequence: Option<i64>, time: Micros) -> Self {
        let id = ids::derive(cause.id, cause.time, event.event_type(), 0);
        Told { id, caused_by: Some(cause.id), sequence, time, event }
    }
}

/// What every model keeps: what the inbox knows, what was told, and what was set aside.
#[derive(Default)]
pub(super) struct Ledger {
    inbox: HashSet<Uuid>,
    pub(super) told: Vec<Told>,
    pub(super) parked: usize,
    behind: usize,
    /// Topics of ours and keys of which something is parked.
    waiting: HashSet<(String, String)>,
    pub(super) no_ops: u64,
}

impl Ledger {
    /// False: it was here before, or it has to wait behind one that is parked.
    pub(super) fn claim(&mut self, envelope: &Envelope) -> bool {
        if !self.inbox.insert(envelope.id) {
            return false;
        }
        let waits = self.waiting.contains(&Self::place(envelope));
        self.behind += usize::from(waits);
        !waits
    }

    /// The domain calls it illegal.
    pub(super) fn park(&mut self, envelope: &Envelope) {
        self.parked += 1;
        if !Self::catalogue().is_intake(&Self::place(envelope).0) {
            self.waiting.insert(Self::place(envelope));
        }
    }

    fn place(envelope: &Envelope) -> (String, String) {
        (Self::catalogue().topic_of(envelope.event_type).to_owned(), envelope.subject.to_string())
    }

    fn catalogue() -> Catalogue<minuet_events::EventType> {
        Catalogue::parse(minuet_events::TOPICS).unwrap()
    }
}

impl<R: ShopService> Bench<R> {
    pub(super) async fn new(service: &'static str, stepped: impl Fn(&World) -> SteppedService<R>) -> Self {
        let (options, _) = Options::with_time();
        let world = World::with(Options { partitions: PARTITIONS, ..options }).await;
        Self::on(service, world, stepped).await
    }

    /// On a world that is there already.
    pub(super) async fn on(
        service: &'static str,
        world: World,
        stepped: impl Fn(&World) -> SteppedService<R>,
    ) -> Self {
        let hand = stepped(&world);
        let shards: Vec<u32> = (0..PARTITIONS).collect();
        hand.take(&shards, "a test").await.unwrap();
        Bench { hand, world, service, offset: Cell::new(0) }
    }

    pub(super) fn pool(&self) -> &PgPool {
        self.world.pool(self.service)
    }

    pub(super) fn now(&self) -> Micros {
        self.hand.context().now()
    }

    pub(super) fn pass(&self, minutes: i64) {
        let Clock::Manual(micros) = &self.world.options.clock else { panic!("the bench has its own time") };
        micros.fetch_add(minutes * 60_000_000, Ordering::SeqCst);
    }

    pub(super) fn send(&self, event: impl Into<Event>) -> Sent {
        let event = event.into();
        let partition = self.hand.context().shard_of(&event.key()).cast_signed();
        self.send_to(partition, event)
    }

    /// Wherever a stranger's partitioner may put it.
    pub(super) fn send_to(&self, partition: i32, event: impl Into<Event>) -> Sent {
        let event = event.into();
        let envelope = Envelope { time: self.now(), ..self.world.envelope(&event) };
        self.sent(envelope, event, partition)
    }

    pub(super) fn send_caused_by(&self, cause: Uuid, event: Event) -> Sent {
        let Sent { envelope, event, message } = self.send(event);
        let envelope = Envelope { causation_id: Some(cause), ..envelope };
        self.sent(envelope, event, message.position.partition)
    }

    fn sent(&self, envelope: Envelope, event: Event, partition: i32) -> Sent {
        let offset = self.offset.replace(self.offset.get() + 1);
        let message = self.hand.message(&envelope, &event, partition, offset).unwrap();
        Sent { envelope, event, message }
    }

    /// Under an id of the test's own.
    pub(super) fn send_as(&self, id: Uuid, event: Event) -> Sent {
        let Sent { envelope, event, message } = self.send(event);
        self.sent(Envelope { id, ..envelope }, event, message.position.partition)
    }

    /// As a producer draws it whose clock is the test's.
    pub(super) fn id_of_now(&self) -> Uuid {
        let random = Uuid::new_v4().into_bytes();
        let millis = self.now().as_millis().unsigned_abs();
        let tail: [u8; 10] = random[6..].try_into().unwrap();
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }

    /// The same event on another partition.
    pub(super) fn on_partition(&self, sent: &Sent, partition: i32) -> Sent {
        self.sent(sent.envelope.clone(), sent.event.clone(), partition)
    }

    /// The same bytes at another place of the same partition.
    pub(super) fn elsewhere(&self, sent: &Sent) -> Incoming {
        let partition = sent.message.position.partition;
        self.sent(sent.envelope.clone(), sent.event.clone(), partition).message
    }

    pub(super) async fn batch(&self, batch: &[Sent]) {
        let messages = batch.iter().map(|sent| sent.message.clone()).collect();
        assert_eq!(self.hand.batch(messages).await, HashSet::new());
    }

    /// Nothing is left of the case before.
    pub(super) async fn clear(&self, tables: &'static str) {
        let sql = format!("truncate inbox, outbox, dead_letters, {tables}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(self.pool()).await.unwrap();
    }

    /// What lies in the outbox, in its order; it is taken out of it.
    pub(super) async fn told(&self) -> Vec<Told> {
        let rows: Vec<(String, String, String, Vec<u8>)> =
            sqlx::query_as("with gone as (delete from outbox returning *) select topic, key, headers, payload from gone order by id")
                .fetch_all(self.pool())
                .await
                .unwrap();
        let dead_letters = format!("{}.dead-letters", self.service);
        let told = rows.iter().filter(|(topic, ..)| *topic != dead_letters);
        told.map(|(topic, key, headers, payload)| self.read(topic, key, headers, payload)).collect()
    }

    fn read(&self, topic: &str, key: &str, headers: &str, payload: &[u8]) -> Told {
        let headers: BTreeMap<&str, &str> =
            headers.lines().filter_map(|line| line.split_once(": ")).collect();
        let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
        let envelope = Envelope::from_headers(header, Some(key), Micros(0)).unwrap();
        let event = self.world.codec.decode(payload).unwrap();
        assert_eq!((topic, key), (self.world.catalogue.topic_of(event.event_type()), &*event.key()));
        let Envelope { id, causation_id: caused_by, sequence, time, .. } = envelope;
        Told { id, caused_by, sequence, time, event }
    }

    /// Rows as JSON, in the order of the statement.
    pub(super) async fn rows(&self, sql: &'static str) -> Vec<Value> {
        let sql = format!("select to_json(r) from ({sql}) r");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(self.pool()).await.unwrap()
    }

    pub(super) async fn number(&self, sql: &'static str) -> i64 {
        self.world.number(self.service, sql).await
    }

    /// What the service has published, set aside and counted is what the model says.
    pub(super) async fn holds(&self, ledger: &mut Ledger, no_ops_before: u64) {
        assert_eq!(self.told().await, std::mem::take(&mut ledger.told));
        let parked = "select count(*) from dead_letters where reason = 'illegal'";
        assert_eq!(self.number(parked).await, ledger.parked as i64);
        let behind = "select count(*) from dead_letters where reason = 'waits_behind'";
        assert_eq!(self.number(behind).await, ledger.behind as i64);
        let all = (ledger.parked + ledger.behind) as i64;
        assert_eq!(self.number("select count(*) from dead_letters").await, all);
        assert_eq!(counted(self.hand.counts()).0 - no_ops_before, ledger.no_ops);
    }
}

/// No-ops and retries so far.
pub(super) fn counted(counts: &Counts) -> (u64, u64) {
    (counts.no_ops.load(Ordering::Relaxed), counts.retries.load(Ordering::Relaxed))
}
