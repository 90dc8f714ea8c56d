//! Meters of the pipeline. Recorded per batch, after the commit, from the transaction's results. Values that exist
//! elsewhere are read on collection.

mod kafka;
mod oldest_in_flight;
mod sampler;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use minuet_envelope::ParkReason;
use minuet_telemetry::meters::{Attribute, Counter, Histogram, Meters, attribute};
use minuet_telemetry::names::meter::{self, attribute as key};
use sqlx::PgPool;

use crate::clock::ServiceClock;
use crate::store::shards::Shards;
use crate::{Counts, Incoming};

pub(crate) use kafka::{KafkaStatistics, observe as observe_kafka};
pub(crate) use oldest_in_flight::OldestInFlight;
pub(crate) use sampler::{INBOX, OUTBOX, PARKED, SKIPPED, Sampler};

/// The instruments of one service, with their constant attributes.
pub(crate) struct Instruments {
    consumed: Counter,
    process_duration: Histogram,
    batch_size: Histogram,
    batch_duration: Histogram,
    parked: Counter,
    commits: Counter,
    conflicts: Counter,
    published: Counter,
    pub(crate) sending: Sending,
    under_way: OldestInFlight,
    group: String,
}

impl Instruments {
    pub(crate) fn new(meters: &Meters, group: &str, clock: Arc<ServiceClock>) -> Self {
        let under_way = OldestInFlight::default();
        let age = under_way.clone();
        meters.gauge(&meter::CONSUMER_LAG_TIME, move || vec![(vec![], age.age(clock.now()).as_secs_f64())]);
        Instruments {
            consumed: meters.counter(&meter::MESSAGING_CONSUMED),
            process_duration: meters.histogram(&meter::MESSAGING_PROCESS_DURATION),
            batch_size: meters.histogram(&meter::BATCH_SIZE),
            batch_duration: meters.histogram(&meter::BATCH_DURATION),
            parked: meters.counter(&meter::PARKED_COUNT),
            commits: meters.counter(&meter::COMMIT_COUNT),
            conflicts: meters.counter(&meter::COMMIT_CONFLICT_COUNT),
            published: meters.counter(&meter::OUTBOX_PUBLISHED_COUNT),
            sending: Sending::new(meters),
            under_way,
            group: group.to_owned(),
        }
    }

    /// Records a batch that begins.
    pub(crate) fn taken(&self, messages: &[Incoming]) -> Taken {
        self.under_way.begin(messages);
        let mut topics: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for message in messages {
            *topics.entry(Arc::clone(&message.position.topic)).or_default() += 1;
        }
        for (topic, count) in &topics {
            self.consumed.add(*count, &self.attributes("poll", topic));
        }
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        self.batch_size.record(messages.len() as f64, &[]);
        Taken { topics: topics.into_keys().collect(), at: Instant::now() }
    }

    /// Records the end of the batch.
    pub(crate) fn processed(&self, taken: Taken) {
        self.under_way.end();
        for topic in &taken.topics {
            self.process_duration
                .record(taken.at.elapsed().as_secs_f64(), &self.attributes("process", topic));
        }
    }

    /// Records the steps of a committed transaction.
    pub(crate) fn committed(&self, steps: &Steps) {
        for (step, took) in &steps.done {
            self.batch_duration.record(took.as_secs_f64(), &[attribute(key::STEP, *step)]);
        }
    }

    /// Records a transaction.
    pub(crate) fn committed_by(&self, path: Path) {
        let path = match path {
            Path::Optimistic => "optimistic",
            Path::Locking => "locking",
        };
        self.commits.add(1, &[attribute(key::PATH, path)]);
    }

    /// Records a decision that was repeated on locked rows. `table`: where another transaction was first.
    pub(crate) fn conflict(&self, table: &'static str) {
        self.conflicts.add(1, &[attribute(key::TABLE, table)]);
    }

    pub(crate) fn parked(&self, reasons: &[ParkReason]) {
        for reason in reasons {
            self.parked.add(1, &[attribute(key::REASON, reason.code())]);
        }
    }

    /// Records acknowledged rows of the outbox. `origin`: where the relay had them from.
    pub(crate) fn published(&self, rows: usize, origin: &'static str) {
        self.published.add(rows as u64, &[attribute(key::ORIGIN, origin)]);
    }

    fn attributes(&self, operation: &'static str, topic: &Arc<str>) -> [Attribute; 4] {
        [
            attribute(key::MESSAGING_SYSTEM, "kafka"),
            attribute(key::MESSAGING_OPERATION, operation),
            attribute(key::MESSAGING_DESTINATION, Arc::clone(topic)),
            attribute(key::MESSAGING_GROUP, self.group.clone()),
        ]
    }
}

/// How a transaction made sure that its rows did not change while it decided.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path {
    /// It compared them at the end.
    Optimistic,
    /// It locked them.
    Locking,
}

/// A batch in flight.
pub(crate) struct Taken {
    topics: Vec<Arc<str>>,
    at: Instant,
}

/// Meters of sent messages, by a relay or a publisher.
#[derive(Clone)]
pub(crate) struct Sending {
    sent: Counter,
    duration: Histogram,
}

impl Sending {
    pub(crate) fn new(meters: &Meters) -> Self {
        Sending {
            sent: meters.counter(&meter::MESSAGING_SENT),
            duration: meters.histogram(&meter::MESSAGING_OPERATION_DURATION),
        }
    }

    /// Records `count` sent messages. `error`: the class of the failure, if the broker did not acknowledge them.
    pub(crate) fn sent(&self, topic: &str, count: u64, took: Duration, error: Option<&'static str>) {
        let mut attributes = vec![
            attribute(key::MESSAGING_SYSTEM, "kafka"),
            attribute(key::MESSAGING_OPERATION, "send"),
            attribute(key::MESSAGING_DESTINATION, topic.to_owned()),
        ];
        attributes.extend(error.map(|error| attribute(key::ERROR_TYPE, error)));
        self.sent.add(count, &attributes);
        self.duration.record(took.as_secs_f64(), &attributes);
    }
}

/// Durations of the steps of a transaction.
pub(crate) struct Steps {
    last: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    pub(crate) fn begin() -> Self {
        Steps { last: Instant::now(), done: Vec::with_capacity(4) }
    }

    pub(crate) fn done(&mut self, step: &'static str) {
        let now = Instant::now();
        self.done.push((step, now.duration_since(self.last)));
        self.last = now;
    }
}

/// Meters of values that the service has anyway: counts, held shards, the connection pool.
pub(crate) fn observe(meters: &Meters, counts: &Arc<Counts>, shards: &Arc<Shards>, pool: &PgPool, most: u32) {
    let kept = Arc::clone(counts);
    meters.total(&meter::EVENT_COUNT, move || {
        let Counts { processed, duplicates, no_ops, .. } = &*kept;
        [("processed", processed), ("duplicate", duplicates), ("no_op", no_ops)]
            .map(|(outcome, count)| (vec![attribute(key::OUTCOME, outcome)], read(count)))
            .into()
    });
    let kept = Arc::clone(counts);
    meters.total(&meter::BATCH_RETRY_COUNT, move || vec![(vec![], read(&kept.retries))]);

    let held = Arc::clone(shards);
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    meters.gauge(&meter::SHARD_HELD, move || vec![(vec![], held.held().len() as f64)]);
    let held = Arc::clone(shards);
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    meters.gauge(&meter::SHARD_EPOCH, move || {
        let held = held.held().into_iter();
        held.map(|(shard, epoch)| (vec![attribute(key::SHARD, i64::from(shard))], epoch as f64)).collect()
    });

    let of = pool.clone();
    meters.gauge(&meter::POOL_CONNECTIONS, move || {
        let idle = u32::try_from(of.num_idle()).unwrap_or(u32::MAX);
        let used = of.size().saturating_sub(idle);
        let state = |state: &'static str| vec![attribute(key::POOL_STATE, state)];
        vec![(state("idle"), f64::from(idle)), (state("used"), f64::from(used))]
    });
    meters.gauge(&meter::POOL_MAX, move || vec![(vec![], f64::from(most))]);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
