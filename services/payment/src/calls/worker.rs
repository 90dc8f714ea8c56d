//! Makes the calls, and records their outcomes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use minuet_messaging::failpoint::{Failpoint, hit};
use minuet_messaging::{Committed, Ending, ReactError, Reads, Rows};
use minuet_telemetry::error_chain;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::asking::AskRate;
use super::provider_client::{ProviderClient, back_off};
use super::{Begun, Calls};
use crate::Settings;
use crate::call::ProviderOutcome;
use crate::call_kind::Key;
use crate::messaging::ServiceContext;
use crate::payment_trace::PaymentTraces;
use crate::provider::PaymentGateway;
use crate::record::{self, Recorded};

/// Most answers in one transaction.
const BATCH: usize = 500;
/// How long shutdown waits for calls in flight. The next start looks up those without an answer.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the table is read for open calls that are not in flight: another instance may have left one to us.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

type Tasks = JoinSet<(Key, ProviderOutcome)>;

pub(crate) struct Worker<G> {
    client: Arc<ProviderClient<G>>,
    context: ServiceContext,
    calls: Calls,
    traces: PaymentTraces,
    shutdown: CancellationToken,
}

impl<G: PaymentGateway> Worker<G> {
    pub(crate) fn new(
        gateway: Arc<G>,
        settings: &Settings,
        context: ServiceContext,
        calls: Calls,
        shutdown: CancellationToken,
    ) -> Self {
        let client = ProviderClient {
            gateway,
            context: context.clone(),
            meters: calls.meters.clone(),
            permits: Semaphore::new(settings.concurrency.max(1)),
            asks: AskRate::new(settings.asks_per_second),
            refund_attempts: settings.refund_attempts,
        };
        Worker { client: Arc::new(client), context, calls, traces: PaymentTraces::default(), shutdown }
    }

    /// Makes the calls until the service stops; then waits for those in flight, and records their outcomes.
    pub(crate) async fn run(self, mut queue: mpsc::UnboundedReceiver<Begun>) {
        let mut tasks: Tasks = JoinSet::new();
        let mut poll = tokio::time::interval(POLL_INTERVAL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen = HashSet::new();
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                _ = poll.tick() => self.poll(&mut seen).await,
                () = self.calls.room.notified() => self.poll(&mut seen).await,
                done = tasks.join_next(), if !tasks.is_empty() => {
                    let mut answers: BTreeMap<Key, ProviderOutcome> = done.and_then(answered).into_iter().collect();
                    while answers.len() < BATCH
                        && let Some(done) = tasks.try_join_next()
                    {
                        answers.extend(answered(done));
                    }
                    self.record(answers).await;
                }
                begun = queue.recv() => {
                    let Some((call, signals)) = begun else { break };
                    let (client, trace) = (Arc::clone(&self.client), self.traces.begin(&self.context, &call));
                    let (key, scope) = (call.key(), call.origin().map(|origin| origin.trace().clone()));
                    let run = async move { (key, client.run(call, &signals, trace.as_deref()).await) };
                    tasks.spawn(minuet_telemetry::scope(scope, Some(key.0.to_string()), run));
                }
            }
        }
        let mut answers = BTreeMap::new();
        let gather = async {
            while let Some(done) = tasks.join_next().await {
                answers.extend(answered(done));
            }
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, gather).await.is_err() {
            info!("open calls are left to the next start");
        }
        self.record(answers).await;
        self.calls.finished.cancel();
    }

    async fn poll(&self, seen: &mut HashSet<Key>) {
        match self.calls.poll(seen).await {
            Ok(waiting) => *seen = waiting,
            Err(error) => {
                warn!(error = error_chain(&error), "open calls could not be read; it is retried");
            }
        }
    }

    /// Commits the answers, with as many attempts as the database needs. The new owner of a shard looks up the answers of the
    /// shards that this instance lost.
    async fn record(&self, answers: BTreeMap<Key, ProviderOutcome>) {
        self.calls.unrecorded.came(answers.keys());
        let (context, mut attempt) = (&self.context, 0);
        let mut open = answers.clone();
        while !open.is_empty() {
            open.retain(|key, _| context.holds(self.calls.shard(*key)));
            match try_record(context, &open).await {
                Ok(Recorded { emissions, calls, tally, .. }) => {
                    self.calls.meters.count(&tally);
                    self.traces.record(context, &open, &emissions);
                    self.end(answers.keys());
                    self.calls.ask(calls);
                    return;
                }
                Err(ReactError::Fenced(lost)) => {
                    open.retain(|key, _| !lost.contains(&self.calls.shard(*key)));
                }
                Err(error) if error.is_transient() => {
                    warn!(
                        error = error_chain(&error),
                        answers = open.len(),
                        "answers could not be recorded; it is retried"
                    );
                    if self.shutdown.is_cancelled() && attempt > 3 {
                        break;
                    }
                    back_off(attempt).await;
                    attempt += 1;
                }
                Err(error) => {
                    error!(
                        error = error_chain(&error),
                        answers = open.len(),
                        "answers could not be recorded; each is tried by itself"
                    );
                    self.end(answers.keys().filter(|key| !open.contains_key(key)));
                    return self.one_by_one(&open).await;
                }
            }
        }
        self.end(answers.keys());
    }

    fn end<'a>(&self, keys: impl Iterator<Item = &'a Key> + Clone) {
        self.traces.forget(keys.clone());
        self.calls.unrecorded.gone(keys.clone());
        self.calls.end(keys);
    }

    /// The answer that cannot be recorded stays an open call, and is looked up at the next start; the others are kept.
    async fn one_by_one(&self, answers: &BTreeMap<Key, ProviderOutcome>) {
        for (key, outcome) in answers {
            match try_record(&self.context, &BTreeMap::from([(*key, outcome.clone())])).await {
                Ok(Recorded { emissions, calls, tally, .. }) => {
                    self.calls.meters.count(&tally);
                    self.traces.record(&self.context, &BTreeMap::from([(*key, outcome.clone())]), &emissions);
                    self.end(std::iter::once(key));
                    self.calls.ask(calls);
                }
                Err(error) => {
                    // Another owner's, or the database is away: it is found open and looked up.
                    if error.is_transient() || matches!(error, ReactError::Fenced(_)) {
                        self.end(std::iter::once(key));
                    }
                    error!(error = error_chain(&error), order_id = %key.0, "answer could not be recorded")
                }
            }
        }
    }
}

fn answered(done: Result<(Key, ProviderOutcome), JoinError>) -> Option<(Key, ProviderOutcome)> {
    done.inspect_err(|error| {
        error!(error = error_chain(error), "provider call panicked; it is left to the next start")
    })
    .ok()
}

pub(crate) async fn try_record(
    context: &ServiceContext,
    answers: &BTreeMap<Key, ProviderOutcome>,
) -> Result<Recorded, ReactError> {
    hit(Failpoint::BeforeRecord);
    let shards: BTreeSet<u32> =
        answers.keys().map(|(order, _)| context.shard_of(&order.to_string())).collect();
    let reads = |reads: &mut Reads| record::read(reads, answers);
    let decide = |rows: &Rows| {
        let mut recorded = record::record(context, rows, answers, context.now())?;
        let (events, writes) =
            (std::mem::take(&mut recorded.emissions), std::mem::take(&mut recorded.writes));
        Ok(Ending::Commit { events, writes, result: recorded })
    };
    let Committed { result: mut recorded, events } = context.decide(&shards, reads, decide).await?;
    recorded.emissions = events;
    Ok(recorded)
}
