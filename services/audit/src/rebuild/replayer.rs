//! The service's own code on the empty database, stepped along the schedule.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use minuet_events::values::{Micros, OrderId};
use minuet_events::{Codec, Event};
use minuet_messaging::{
    BatchHandler, Clock, Incoming, ServiceParts, Settings, SteppedService, StoredHeaders,
};
use minuet_payment::Answers;
use sqlx::PgPool;
use uuid::Uuid;

use super::compare::TAKE_OUTBOX;
use super::node::{Action, Node};
use crate::full_message::FullMessage;
use crate::record::{Position, Service, Topics};
use crate::shadow::answer;
use crate::{AuditError, Context};

/// Most events in one transaction, as the services have it.
const BATCH: usize = 500;
/// So often, in steps, what was emitted is taken out of the outbox.
const TAKE: usize = 2_000;

/// What the service emitted, by its id.
pub(super) type Emitted = HashMap<Uuid, Event>;

pub(super) struct Replayer<'a> {
    pub(super) service: Service,
    pub(super) messages: &'a HashMap<Position, FullMessage>,
    pub(super) topics: &'a Topics,
    pub(super) codec: &'a Codec,
}

/// Runs the service over the nodes, in their order. `hold`: how long goods were held.
pub(super) async fn replay(
    replayer: &Replayer<'_>,
    context: &Context,
    database: &str,
    hold: time::Duration,
    nodes: &[Node<'_>],
    done: impl FnMut(usize),
) -> Result<Emitted, AuditError> {
    let micros = Arc::new(AtomicI64::new(0));
    let clock = Clock::Manual(Arc::clone(&micros));
    let settings = Settings::new(BTreeMap::new(), database.to_owned());
    let parts = ServiceParts {
        settings,
        contract: context.codec.clone(),
        catalogue: Arc::clone(&context.catalogue),
        clock,
    };
    match replayer.service {
        Service::Order => {
            let stepped = minuet_order::stepped(Default::default(), parts)?;
            replayer.run(&stepped, &micros, nodes, done).await
        }
        Service::Inventory => {
            let reservation_seconds = u32::try_from(hold.whole_seconds()).unwrap_or(u32::MAX);
            let own = minuet_inventory::Settings { reservation_seconds, ..Default::default() };
            let stepped = minuet_inventory::stepped(own, parts)?;
            replayer.run(&stepped, &micros, nodes, done).await
        }
        Service::Payment => {
            let stepped = minuet_payment::stepped(parts)?;
            replayer.run(&stepped, &micros, nodes, done).await
        }
    }
}

impl Replayer<'_> {
    async fn run<R: BatchHandler<Contract = Codec, Due = OrderId>>(
        &self,
        stepped: &SteppedService<R>,
        clock: &AtomicI64,
        nodes: &[Node<'_>],
        mut done: impl FnMut(usize),
    ) -> Result<Emitted, AuditError> {
        // Every partition that a message came in on is a shard that is held.
        let most = self.messages.keys().map(|position| u32::from(position.partition) + 1).max().unwrap_or(0);
        let shards: Vec<u32> = (0..most.max(stepped.context().partitions())).collect();
        stepped.take(&shards, "minuet-audit").await?;
        let (mut emitted, mut taken, mut at) = (Emitted::new(), 0, 0);
        while at < nodes.len() {
            let batch = together(&nodes[at..]);
            match &nodes[at].step {
                Action::Spontaneous { order, outcome } => {
                    set(clock, nodes[at].time);
                    match self.service {
                        Service::Payment => {
                            let charge = answer(&outcome.event);
                            let refunded = match &outcome.event {
                                Event::PaymentRefunded(refunded) => Some(refunded.refund_id),
                                _ => None,
                            };
                            let said = Answers { refunded, charge };
                            let answers = BTreeMap::from([(*order, said)]);
                            minuet_payment::answered(stepped.context(), &answers).await?;
                        }
                        Service::Order | Service::Inventory => stepped.run_sweep(&[*order]).await?,
                    }
                }
                Action::Input { .. } => {
                    let times = nodes[at..at + batch].iter();
                    let now = times.clone().find(|node| node.step.outcome().is_some());
                    set(clock, now.unwrap_or(&nodes[at]).time);
                    // No other instance has a shard.
                    drop(stepped.batch(times.filter_map(|node| self.message(node)).collect()).await);
                }
            }
            at += batch;
            if at - taken >= TAKE || at == nodes.len() {
                self.take(stepped.context().pool(), &mut emitted).await?;
                taken = at;
            }
            done(batch);
        }
        Ok(emitted)
    }

    fn message(&self, node: &Node<'_>) -> Option<Incoming> {
        let Action::Input { position, .. } = node.step else { return None };
        let message = self.messages.get(&position)?;
        let position = minuet_messaging::Position {
            topic: self.topics.name(position).into(),
            partition: position.partition.into(),
            offset: position.offset,
        };
        let FullMessage { key, payload, headers, timestamp, .. } = message.clone();
        // What the live service parked for the names in it is not in the schedule.
        Some(Incoming::recorded(position, key, payload, headers, timestamp).taken())
    }

    /// What lies in the outbox has been published already.
    async fn take(&self, pool: &PgPool, emitted: &mut Emitted) -> Result<(), AuditError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(TAKE_OUTBOX).fetch_all(pool).await?;
        for (headers, payload) in rows {
            let headers = StoredHeaders::from_row(headers);
            let id = headers.get("ce_id").and_then(|id| Uuid::parse_str(id).ok());
            // It was encoded by this build, just now.
            if let (Some(id), Ok(event)) = (id, self.codec.decode(&payload)) {
                emitted.insert(id, event);
            }
        }
        Ok(())
    }
}

fn set(clock: &AtomicI64, now: Micros) {
    clock.store(now.0, Ordering::SeqCst);
}

/// How many nodes may be one transaction: what was decided at one time, as it was then.
fn together(nodes: &[Node<'_>]) -> usize {
    let mut now = None;
    let joins = |node: &&Node<'_>| match (&node.step, node.step.outcome()) {
        (Action::Spontaneous { .. }, _) => false,
        (Action::Input { .. }, None) => true,
        (Action::Input { .. }, Some(_)) => *now.get_or_insert(node.time) == node.time,
    };
    nodes.iter().take(BATCH).take_while(joins).count().max(1)
}
