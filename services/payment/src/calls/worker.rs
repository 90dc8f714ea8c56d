//! Makes the calls, and records what was said.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use minuet_messaging::ReactError;
use minuet_messaging::failpoint::{Failpoint, hit};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::conversation::{Conversation, back_off};
use super::{Begun, Calls};
use crate::Settings;
use crate::call::{Key, Said};
use crate::messaging::ServiceContext;
use crate::provider::PaymentGateway;
use crate::record::{Recorded, record as record_answers};
use crate::story::Stories;

/// Most answers in one transaction.
const BATCH: usize = 500;
/// How long a stop waits for calls under way: what is not answered by then is looked up at the next start.
const GOODBYE: Duration = Duration::from_secs(3);
/// How often the table is asked for calls that nobody here has under way: another instance may have left one to us.
const LOOK: Duration = Duration::from_secs(1);

type Tasks = JoinSet<(Key, Said)>;

pub(crate) struct Worker<G> {
    conversation: Arc<Conversation<G>>,
    context: ServiceContext,
    calls: Calls,
    stories: Stories,
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
        let conversation = Conversation {
            gateway,
            context: context.clone(),
            meters: calls.meters.clone(),
            seats: Semaphore::new(settings.concurrency.max(1)),
            refund_attempts: settings.refund_attempts,
        };
        Worker { conversation: Arc::new(conversation), context, calls, stories: Stories::default(), shutdown }
    }

    /// Makes the calls until the service stops; then waits a moment for those under way, and records what they said.
    pub(crate) async fn run(self, mut queue: mpsc::UnboundedReceiver<Begun>) {
        let mut tasks: Tasks = JoinSet::new();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen = HashSet::new();
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                _ = look.tick() => self.look(&mut seen).await,
                () = self.calls.room.notified() => self.look(&mut seen).await,
                done = tasks.join_next(), if !tasks.is_empty() => {
                    let mut answers: BTreeMap<Key, Said> = done.and_then(answered).into_iter().collect();
                    while answers.len() < BATCH
                        && let Some(done) = tasks.try_join_next()
                    {
                        answers.extend(answered(done));
                    }
                    self.record(answers).await;
                }
                begun = queue.recv() => {
                    let Some((call, stop)) = begun else { break };
                    let (conversation, story) = (Arc::clone(&self.conversation), self.stories.begin(&self.context, &call));
                    let (key, trace) = (call.key(), call.origin().map(|origin| origin.trace().clone()));
                    let held = async move { (key, conversation.hold(call, &stop, story.as_deref()).await) };
                    tasks.spawn(minuet_telemetry::scope(trace, Some(key.0.to_string()), held));
                }
            }
        }
        let mut answers = BTreeMap::new();
        let gather = async {
            while let Some(done) = tasks.join_next().await {
                answers.extend(answered(done));
            }
        };
        if tokio::time::timeout(GOODBYE, gather).await.is_err() {
            info!("calls to the provider are left open; the next start looks them up");
        }
        self.record(answers).await;
        self.calls.finished.cancel();
    }

    async fn look(&self, seen: &mut HashSet<Key>) {
        match self.calls.look(seen).await {
            Ok(waiting) => *seen = waiting,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "open calls cannot be looked for now");
            }
        }
    }

    /// Commits the answers, however often the database has to be asked. Those of shards that went to somebody else are left
    /// to the new owner, who looks them up.
    async fn record(&self, answers: BTreeMap<Key, Said>) {
        let (context, mut attempt) = (&self.context, 0);
        let mut open = answers.clone();
        while !open.is_empty() {
            open.retain(|key, _| context.holds(self.calls.shard(*key)));
            match try_record(context, &open).await {
                Ok(Recorded { emissions, calls, tally }) => {
                    self.calls.meters.count(&tally);
                    self.stories.tell(context, &open, &emissions);
                    self.end(answers.keys());
                    self.calls.ask(calls);
                    return;
                }
                Err(ReactError::Fenced(lost)) => {
                    open.retain(|key, _| !lost.contains(&self.calls.shard(*key)));
                }
                Err(error) if error.is_transient() => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        answers = open.len(),
                        "answers are not recorded yet"
                    );
                    if self.shutdown.is_cancelled() && attempt > 3 {
                        break;
                    }
                    back_off(attempt).await;
                    attempt += 1;
                }
                Err(error) => {
                    error!(
                        error = &error as &dyn std::error::Error,
                        answers = open.len(),
                        "one of the answers cannot be recorded"
                    );
                    self.end(answers.keys().filter(|key| !open.contains_key(key)));
                    return self.one_by_one(&open).await;
                }
            }
        }
        self.end(answers.keys());
    }

    fn end<'a>(&self, keys: impl Iterator<Item = &'a Key> + Clone) {
        self.stories.forget(keys.clone());
        self.calls.end(keys);
    }

    /// The answer that cannot be recorded stays an open call, and is looked up at the next start; the others are kept.
    async fn one_by_one(&self, answers: &BTreeMap<Key, Said>) {
        for (key, said) in answers {
            match try_record(&self.context, &BTreeMap::from([(*key, said.clone())])).await {
                Ok(Recorded { emissions, calls, tally }) => {
                    self.calls.meters.count(&tally);
                    self.stories.tell(&self.context, &BTreeMap::from([(*key, said.clone())]), &emissions);
                    self.end(std::iter::once(key));
                    self.calls.ask(calls);
                }
                Err(error) => {
                    // Another owner's, or the database is away: it is found open and looked up.
                    if error.is_transient() || matches!(error, ReactError::Fenced(_)) {
                        self.end(std::iter::once(key));
                    }
                    let (order_id, error) = (key.0, &error as &dyn std::error::Error);
                    error!(%order_id, error, "an answer cannot be recorded")
                }
            }
        }
    }
}

fn answered(done: Result<(Key, Said), JoinError>) -> Option<(Key, Said)> {
    done.inspect_err(|error| error!(%error, "a call to the provider panicked; the next start looks it up"))
        .ok()
}

pub(crate) async fn try_record(
    context: &ServiceContext,
    answers: &BTreeMap<Key, Said>,
) -> Result<Recorded, ReactError> {
    hit(Failpoint::BeforeRecord);
    let shards: BTreeSet<u32> =
        answers.keys().map(|(order, _)| context.shard_of(&order.to_string())).collect();
    let mut pooled = context.connection(&shards).await?;
    let mut transaction = context.begin(&mut pooled, &shards).await?;
    let recorded = record_answers(context, transaction.connection(), answers, context.now()).await?;
    transaction.commit(&recorded.emissions).await?;
    context.keep(pooled);
    Ok(recorded)
}
