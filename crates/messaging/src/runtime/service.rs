//! Assembles a service from context, consumer, processor and relay; starts its tasks and stops them in order.

mod stepped;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use minuet_envelope::Contract;
use minuet_telemetry::Tracer;
use minuet_telemetry::error_chain;
use minuet_telemetry::meters::Meters;
use parking_lot::Mutex;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use crate::clock::ServiceClock;
use crate::kafka::assignment::Assignment;
use crate::kafka::client::Client;
use crate::kafka::config::{self, GroupProtocol};
use crate::kafka::consumer::{self, Membership, Polled};
use crate::kafka::fetch_buffer;
use crate::kafka::original::Originals;
use crate::kafka::revocations::RevocationEpochs;
use crate::observe::meters::{self, Instruments, Sampler};
use crate::observe::progress::{self, BatchInFlight, Refusals};
use crate::runtime::acquirer::{FencedShards, ShardAcquirer};
use crate::runtime::batch::Processor;
use crate::runtime::decode::Decoder;
use crate::runtime::gaps::Gaps;
use crate::runtime::group;
use crate::runtime::progress_watch::Watch;
use crate::runtime::relay::{Producers, Relay};
use crate::runtime::retention;
use crate::runtime::sweeper::{Processed, Sweeper};
use crate::runtime::topic_watch::{MissingTopics, TopicWatch};
use crate::store::acknowledged::Acknowledged;
use crate::store::contention::Contention;
use crate::store::context::Core;
use crate::store::database;
use crate::store::inbox::prune;
use crate::store::outage::Outage;
use crate::store::relay_queue::RelayQueue;
use crate::store::shards::Shards;
use crate::topics::ids::TopicIds;
use crate::topics::{Catalogue, Topic, TopicName};
use crate::{
    BatchHandler, Clock, Counts, DatabaseError, DeadLetters, Dependency, DomainSpans, Health, RetentionError,
    ServiceContext, Settings, http,
};

pub use stepped::SteppedService;
use work::{Input, work};

/// Timeout of each step of a shutdown: batch, relay, broker, database. The whole shutdown takes less than 10 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Upper bound of the interval in which the watch looks for work that stands still.
const MAX_WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// Why a service did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// librdkafka rejects a setting.
    #[error("a kafka setting is wrong")]
    Kafka(#[from] KafkaError),
    /// The database URL is wrong.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The inbox would forget events too early.
    #[error("the {service} service does not start")]
    Retention {
        /// The service.
        service: &'static str,
        /// The cause.
        source: RetentionError,
    },
    /// The broker does not have the protocol of the consumer group.
    #[error(
        "the broker does not have the group protocol `{protocol}` of the {service} service: set kafka.group.protocol to auto or classic"
    )]
    GroupProtocol {
        /// The service.
        service: &'static str,
        /// The protocol.
        protocol: &'static str,
    },
    /// A task of the service ended by itself. Work in flight is safe in the database and in the topics; the next start
    /// continues it.
    #[error("a part of the {service} service has ended by itself; its log says which. Start it again")]
    Ended {
        /// The service.
        service: &'static str,
    },
}

/// The parts that every service needs.
#[derive(Clone)]
pub struct ServiceParts<C: Contract> {
    /// Connections, limits and intervals.
    pub settings: Settings,
    /// The events: names, keys, encoding.
    pub contract: C,
    /// The topics.
    pub catalogue: Arc<Catalogue<C::Kind>>,
    /// The clock; [`Clock::System`] except in tests.
    pub clock: Clock,
}

impl<C: Contract> ServiceParts<C> {
    /// On the database's clock.
    pub fn new(settings: Settings, contract: C, catalogue: Catalogue<C::Kind>) -> Self {
        ServiceParts { settings, contract, catalogue: Arc::new(catalogue), clock: Clock::System }
    }
}

/// A service before it runs. Its [`ServiceContext`] is available already, for code that writes besides the consumer.
pub struct Service<C: Contract> {
    settings: Settings,
    context: ServiceContext<C>,
    health: Health,
    counts: Arc<Counts>,
    fenced: FencedShards,
}

impl<C: Contract> Service<C> {
    /// A service named `name`: the name of its consumer group, its event source (`/minuet/<name>`) and the owner in its
    /// shards table. Connects when it runs.
    ///
    /// # Errors
    /// [`ServiceError::Database`]: the database URL is wrong.
    pub fn new(
        name: &'static str,
        parts: ServiceParts<C>,
        spans: impl DomainSpans<C>,
    ) -> Result<Self, ServiceError> {
        let ServiceParts { settings, contract, catalogue, clock } = parts;
        let connections = Arc::new(database::connections(
            &settings.database_url,
            settings.database_connections,
            settings.connection_lifetime,
            name,
        )?);
        let health = Health::default();
        health.expect(&[Dependency::Kafka, Dependency::Postgres]);
        let (shards, fenced) = Shards::new(catalogue.partitions());
        let (shards, counts) = (Arc::new(shards), Arc::new(Counts::default()));
        let meters = settings.meters.clone().unwrap_or_else(|| Meters::local(name));
        meters::observe(&meters, &counts, &shards, connections.pool(), settings.database_connections);
        let clock = ServiceClock::new(clock, settings.max_clock_skew);
        clock.observe(&meters);
        let instruments =
            Instruments::new(&meters, &format!("{}{name}", settings.topic_prefix), Arc::clone(&clock));
        let refusals = Arc::new(Refusals::default());
        progress::observe(&meters, &refusals);
        let core = Core {
            service: name,
            source: format!("/minuet/{name}").into(),
            dead_letters: format!("{name}.dead-letters"),
            connections,
            partitions: catalogue.partitions(),
            unkeyed: catalogue.topics().iter().filter(|t| !t.is_keyed()).map(|t| t.name.clone()).collect(),
            shards,
            outage: Outage::default(),
            contention: Contention::new(settings.optimistic),
            wake: Notify::new(),
            relay_queue: RelayQueue::default(),
            acknowledged: Acknowledged::default(),
            clock,
            meters,
            instruments: Arc::new(instruments),
            batch_in_flight: BatchInFlight::default(),
            refusals: Arc::clone(&refusals),
            topic_ids: TopicIds::default(),
            prefix: settings.topic_prefix.as_str().into(),
            tracer: Tracer::of(name),
            key_attribute: C::key_attribute,
        };
        let context = ServiceContext { core: Arc::new(core), contract, catalogue, spans: Arc::new(spans) };
        let fenced = Arc::new(tokio::sync::Mutex::new(fenced));
        Ok(Service { settings, context, health, counts, fenced })
    }

    /// The context: transactions, outbox, clock.
    pub fn context(&self) -> &ServiceContext<C> {
        &self.context
    }

    /// The registry of the service's meters.
    pub fn meters(&self) -> &Meters {
        &self.context.core.meters
    }

    /// The state of the dependencies.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The HTTP routes of every service: health, counts, meters, and for admins the dead letters.
    pub fn routes(&self) -> Router {
        let letters =
            DeadLetters::of(Arc::clone(&self.context.core.connections), self.context.contract.clone());
        http::health_routes(self.health.clone(), Arc::clone(&self.counts))
            .merge(minuet_http::metrics_route({
                let meters = self.context.core.meters.clone();
                move || meters.text()
            }))
            .merge(http::dead_letter_routes(letters, self.settings.identity.clone()))
    }

    fn processor<R: BatchHandler<Contract = C>>(
        &self,
        handler: Arc<R>,
        shutdown: CancellationToken,
    ) -> Processor<R> {
        Processor {
            decoder: Decoder {
                contract: self.context.contract.clone(),
                consumed: handler.consumes().into_iter().collect(),
            },
            handler,
            context: self.context.clone(),
            health: self.health.clone(),
            counts: Arc::clone(&self.counts),
            attempts: self.settings.attempts,
            registry_given_up: Mutex::default(),
            recorded: Mutex::default(),
            originals: Originals::new(
                &self.settings.kafka,
                &format!("minuet-{}-original", self.context.core.service),
            ),
            shutdown,
        }
    }

    /// Runs until `shutdown`, then stops consuming, finishes the batch, empties the outbox, commits offsets and
    /// returns. A broker without KIP-848 gets a second start with the classic protocol, unless `group.protocol` says
    /// otherwise.
    ///
    /// # Errors
    /// [`ServiceError::Kafka`], [`ServiceError::Database`] and [`ServiceError::Retention`] before it consumes;
    /// [`ServiceError::Ended`] if one of its tasks ends by itself.
    pub async fn run<R: BatchHandler<Contract = C>>(
        self,
        handler: Arc<R>,
        shutdown: CancellationToken,
    ) -> Result<(), ServiceError> {
        let (protocol, may_fall_back) = GroupProtocol::of(&self.settings.kafka);
        match self.run_as(protocol, &handler, &shutdown).await {
            Err(ServiceError::GroupProtocol { .. }) if may_fall_back => {
                let service = self.context.core.service;
                warn!(service, "broker does not have KIP-848; the service uses group.protocol=classic");
                self.run_as(GroupProtocol::Classic, &handler, &shutdown).await
            }
            done => done,
        }
    }

    async fn run_as<R: BatchHandler<Contract = C>>(
        &self,
        protocol: GroupProtocol,
        handler: &Arc<R>,
        shutdown: &CancellationToken,
    ) -> Result<(), ServiceError> {
        let processor = self.processor(Arc::clone(handler), shutdown.clone());
        let Service { settings, context, health, counts, fenced } = self;
        let consumed = handler.consumes();
        let (requested, shutdown) = (shutdown.clone(), shutdown.child_token());
        let names: BTreeSet<&str> = consumed.iter().map(|kind| context.catalogue.topic_of(*kind)).collect();
        let names: Vec<&str> = names.into_iter().collect();
        retention::check(settings, &context.catalogue, &names, health, &shutdown)
            .await
            .map_err(|source| ServiceError::Retention { service: context.core.service, source })?;
        let owner = format!("minuet-{}-{}", context.core.service, uuid::Uuid::new_v4().simple());
        let consuming = Client::new(&owner);
        let statistics = consuming.statistics();
        let (producers, [low_latency, batching]) = Producers::new(&settings.kafka, &owner)?;
        meters::observe_kafka(
            &context.core.meters,
            &[low_latency, batching, ("consumer", statistics.clone())],
        );

        let topics: BTreeSet<TopicName> = names.iter().map(|name| context.core.topic(name)).collect();
        let (assigned, assignments) = mpsc::unbounded_channel();
        let inputs: Vec<Arc<str>> = topics.iter().map(TopicName::to_full).collect();
        let revocations =
            Arc::new(RevocationEpochs::new(inputs.iter().cloned(), context.catalogue.partitions()));
        let trouble = Arc::new(Notify::new());
        let membership = Membership {
            assignment: Assignment::default(),
            shards: Arc::clone(&context.core.shards),
            revocations: Arc::clone(&revocations),
            assigned,
            health: health.clone(),
            client: consuming,
            trouble: Arc::clone(&trouble),
            lacks_protocol: AtomicBool::new(false),
        };
        let group_id = format!("{}{}", settings.topic_prefix, context.core.service);
        let consumer: Arc<Polled> = Arc::new(
            config::consumer(&settings.kafka, protocol, &group_id, &owner).create_with_context(membership)?,
        );
        consumer.subscribe(&topics.iter().map(TopicName::full).collect::<Vec<_>>())?;
        info!(
            service = context.core.service,
            group = group_id,
            protocol = protocol.name(),
            topics = ?inputs,
            "consumer started"
        );

        let (to, from) = fetch_buffer::channel(settings.batch_size * 2);
        let (rewinds, rewound) = mpsc::unbounded_channel();
        let poller = spawn(
            "poll",
            &shutdown,
            consumer::poll(Arc::clone(&consumer), to, rewound, health.clone(), shutdown.clone()),
        );
        let processed = Arc::new(Processed::default());
        let gaps = Arc::new(Gaps::default());
        let missing = MissingTopics::default();
        let topic_watch = TopicWatch {
            core: Arc::clone(&context.core),
            consumer: Arc::clone(&consumer),
            reader: config::reader(&settings.kafka, &format!("{owner}-probe")),
            declared: used_topics(context, &names),
            inputs: inputs.clone(),
            missing: missing.clone(),
            processed: Arc::clone(&processed),
            rewinds: rewinds.clone(),
            trouble,
            health: health.clone(),
            shutdown: shutdown.clone(),
        };
        let topic_watch = spawn("watch topics", &shutdown, topic_watch.run());
        let acquirer = ShardAcquirer {
            handler: Arc::clone(handler),
            core: Arc::clone(&context.core),
            owner: owner.clone(),
            consumer: Arc::clone(&consumer),
            topics: inputs.clone(),
            missing,
            processed: Arc::clone(&processed),
            gaps: Arc::clone(&gaps),
            tombstones: names
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), context.catalogue.tombstones(name)?)))
                .collect(),
            kafka: settings.kafka.clone(),
            rewinds,
            health: health.clone(),
            shutdown: shutdown.clone(),
        };
        let acquirer = spawn("acquire shards", &shutdown, acquirer.run(assignments, Arc::clone(fenced)));
        let (url, lifetime) = (&settings.database_url, settings.connection_lifetime);
        let relays = Arc::new(database::connect_relay(url, lifetime, context.core.service)?);
        let relay = Relay::new(
            Arc::clone(&context.core),
            Arc::clone(&relays),
            producers.clone(),
            settings.relay_poll,
            health.clone(),
            Arc::clone(counts),
        );
        let group =
            group::watch(Arc::clone(&context.core), Arc::clone(&consumer), inputs.clone(), shutdown.clone());
        let group = spawn("watch group", &shutdown, group);
        let sweeper = Sweeper {
            handler: Arc::clone(handler),
            context: context.clone(),
            consumer: Arc::clone(&consumer),
            reader: config::reader(&settings.kafka, &format!("{owner}-tail")),
            topics: inputs,
            processed: Arc::clone(&processed),
            shutdown: shutdown.clone(),
        };
        let sweeper = spawn("sweep", &shutdown, sweeper.run());
        let sampling = Arc::new(database::connect_sampler(url, lifetime, context.core.service)?);
        let sampler = Sampler::new(
            Arc::clone(handler),
            Arc::clone(&context.core),
            Arc::clone(&sampling),
            settings.sample_interval,
            shutdown.clone(),
        );
        let watch = Watch {
            core: Arc::clone(&context.core),
            health: health.clone(),
            statistics: statistics.clone(),
            connections: sampling,
            interval: settings.sample_interval.min(MAX_WATCH_INTERVAL),
            bound: settings.stall_after,
            shutdown: shutdown.clone(),
        };
        let watch = spawn("watch", &shutdown, watch.run());
        let sampler = spawn("sample", &shutdown, sampler.run());
        let pruner = prune::run(Arc::clone(&context.core), settings.inbox_retention, shutdown.clone());
        let pruner = spawn("prune inbox", &shutdown, pruner);
        // The relay stops last: it publishes the events of the last batch.
        let relay_stop = CancellationToken::new();
        let relay = spawn("relay", &shutdown, relay.run(relay_stop.clone()));

        let input =
            Input { consumer: &consumer, revocations: &revocations, processed: &processed, gaps: &gaps };
        tokio::select! {
            () = work(&processor, input, from, settings.batch_size, &shutdown) => {}
            // The database did not answer: the transaction is rolled back and the next start reads the batch again.
            () = overdue(&shutdown) => warn!("batch did not end before the shutdown timeout"),
        }
        if consumer.context().lacks_protocol.load(Ordering::SeqCst) {
            let service = context.core.service;
            // The drop may block on the broker.
            tokio::task::spawn_blocking(move || drop(consumer));
            return Err(ServiceError::GroupProtocol { service, protocol: protocol.name() });
        }
        if !requested.is_cancelled() {
            return Err(ServiceError::Ended { service: context.core.service });
        }
        processor.handler.stopped().await;

        for task in [poller, topic_watch, acquirer, group, sweeper, watch, sampler, pruner] {
            if let Err(error) = task.await {
                warn!(error = error_chain(&error), "task failed");
            }
        }
        relay_stop.cancel();
        if let Err(error) = tokio::time::timeout(SHUTDOWN_TIMEOUT, relay).await {
            warn!(
                error = error_chain(&error),
                "relay did not end before the shutdown timeout; the next start publishes the rest"
            );
        }
        leave(consumer, producers).await;
        let closing = async { tokio::join!(context.core.connections.close(), relays.close()) };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, closing).await.is_err() {
            warn!("database connections did not close before the shutdown timeout");
        }
        info!(service = context.core.service, "service stopped");
        Ok(())
    }
}

/// The topics that the service reads or writes, with the declared number of partitions. `consumed`: names without prefix.
fn used_topics<C: Contract>(context: &ServiceContext<C>, consumed: &[&str]) -> BTreeMap<TopicName, u32> {
    let is_used = |topic: &&Topic<C::Kind>| {
        consumed.contains(&topic.name.as_str())
            || topic.producers.iter().any(|name| name == context.core.service)
    };
    let used = context.catalogue.topics().iter().filter(is_used);
    used.map(|topic| (context.core.topic(&topic.name), topic.partitions)).collect()
}

/// Spawns a task that ends with the service, also if the service is dropped. A task that ends or panics before shutdown
/// stops the service, which would otherwise look healthy and do nothing.
fn spawn(
    name: &'static str,
    shutdown: &CancellationToken,
    task: impl Future<Output = ()> + Send + 'static,
) -> AbortOnDropHandle<()> {
    let end = TaskEnd { name, shutdown: shutdown.clone() };
    AbortOnDropHandle::new(tokio::spawn(async move {
        let _end = end;
        task.await;
    }))
}

struct TaskEnd {
    name: &'static str,
    shutdown: CancellationToken,
}

impl Drop for TaskEnd {
    fn drop(&mut self) {
        if !self.shutdown.is_cancelled() {
            error!(task = self.name, "task ended before the service was stopped");
            self.shutdown.cancel();
        }
    }
}

/// Completes [`SHUTDOWN_TIMEOUT`] after shutdown.
async fn overdue(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
}

/// Flushes, commits and leaves the group, off the runtime and with a timeout, since each step may block on the broker.
async fn leave(consumer: Arc<Polled>, producers: Producers) {
    let leaving = tokio::task::spawn_blocking(move || {
        if let Err(error) = producers.flush(SHUTDOWN_TIMEOUT) {
            warn!(error = error_chain(&error), "producer could not be flushed");
        }
        // No offset stored since the last commit is reported as an error, too.
        if let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
            tracing::debug!(error = error_chain(&error), "offsets were not committed");
        }
        drop(consumer);
    });
    if tokio::time::timeout(SHUTDOWN_TIMEOUT + SHUTDOWN_TIMEOUT, leaving).await.is_err() {
        warn!("consumer did not leave the group before the shutdown timeout");
    }
}
