//! The task that looks whether the service makes progress: see [`progress`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use minuet_telemetry::meters::{Sample, attribute};
use minuet_telemetry::names::meter::{self, attribute as key};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::observe::health::{Health, Stall};
use crate::observe::meters::KafkaStatistics;
use crate::observe::progress::{self, Inputs, Outbox};
use crate::store::connections::Connections;
use crate::store::context::Core;

/// The source of this module's stalls: see [`Health::stalled`].
const SOURCE: &str = "messaging";

/// The task that looks.
pub(crate) struct Watch {
    pub(crate) core: Arc<Core>,
    pub(crate) health: Health,
    /// The consumer's.
    pub(crate) statistics: KafkaStatistics,
    /// The sampler's.
    pub(crate) connections: Arc<Connections>,
    pub(crate) interval: Duration,
    pub(crate) bound: Duration,
    pub(crate) shutdown: CancellationToken,
}

impl Watch {
    pub(crate) async fn run(self) {
        let mut inputs = Inputs::new(self.bound);
        let mut outbox = Outbox::new(self.bound);
        let gauge = self.core.meters.sample(&meter::STALL_AGE);
        show(&gauge, &[]);
        let mut before: Vec<Stall> = Vec::new();
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
            let held = self.core.shards.held();
            let looking = progress::look(&self.connections, &held);
            let rows = tokio::select! {
                () = self.shutdown.cancelled() => return,
                rows = looking => rows,
            };
            let now = Instant::now();
            let shards = &self.core.shards;
            let read = self.statistics.inputs();
            let mut stalls =
                inputs.stalls(now, read, |shard| shards.is_assigned(shard), &self.core.batch_in_flight);
            let named = |topic: &str| self.core.topic(topic).full().to_owned();
            stalls.extend(outbox.stalls(now, rows, named, &self.core.refusals));
            tell(self.core.service, &before, &stalls);
            show(&gauge, &stalls);
            self.health.stalled(SOURCE, stalls.clone());
            before = stalls;
        }
    }
}

/// Logs what has begun to stand, and what moves again.
fn tell(service: &'static str, before: &[Stall], now: &[Stall]) {
    let is_same = |a: &Stall, b: &Stall| (a.what, &a.topic, a.partition) == (b.what, &b.topic, b.partition);
    for stall in now.iter().filter(|stall| !before.iter().any(|other| is_same(stall, other))) {
        let Stall { what, topic, partition, since, detail, .. } = stall;
        warn!(service, what, topic, partition, since, detail, "nothing moves although there is work");
    }
    for stall in before.iter().filter(|stall| !now.iter().any(|other| is_same(stall, other))) {
        let Stall { what, topic, partition, .. } = stall;
        info!(service, what, topic, partition, "it moves again");
    }
}

/// Without a stall there is one series, without attributes: 0.
fn show(gauge: &Sample, stalls: &[Stall]) {
    if stalls.is_empty() {
        return gauge.show(vec![(vec![], 0.0)]);
    }
    let series = stalls.iter().map(|stall| {
        let mut attributes = vec![attribute(key::WHAT, stall.what)];
        attributes.extend(stall.topic.clone().map(|topic| attribute(key::TOPIC, topic)));
        attributes.extend(stall.partition.map(|partition| attribute(key::PARTITION, i64::from(partition))));
        (attributes, stall.age.as_secs_f64())
    });
    gauge.show(series.collect());
}
