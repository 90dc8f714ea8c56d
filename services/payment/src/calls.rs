//! Calls to the provider: outside of any transaction, many at a time, their answers recorded in batches.
//!
//! The intent was committed before; a call that dies with the process is taken up by whoever takes the shard, and looked
//! up under its key before anything is charged again. An answer is recorded by the owner of the shard only.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use minuet_events::values::OrderId;
use minuet_messaging::fault::{Point, reach};
use minuet_messaging::{Lane, ReactError};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::call::{Call, Key, Kind, Said};
use crate::domain::{Answer, Charge};
use crate::provider::{NoAnswer, PaymentGateway};
use crate::record::record as record_answers;

/// How long one request to the provider may take: longer than a slow one needs, since a cut one has to be asked about.
const TIMEOUT: Duration = Duration::from_secs(30);
/// After how many requests without an answer the charge is called off.
const ATTEMPTS: u32 = 5;
/// After how many refused or unanswered requests a refund is left to a person: about five minutes of back-off.
const REFUND_ATTEMPTS: u32 = 20;
/// Most answers in one transaction.
const BATCH: usize = 500;
/// How long a stop waits for calls under way: what is not answered by then is looked up at the next start.
const GOODBYE: Duration = Duration::from_secs(3);

/// Where calls are asked for.
#[derive(Clone)]
pub(crate) struct Calls {
    queue: mpsc::UnboundedSender<Call>,
    /// Of each charge under way, how to stop it.
    under_way: Arc<Mutex<HashMap<Key, CancellationToken>>>,
    /// Cancelled once the last answer is recorded.
    finished: CancellationToken,
}

impl Calls {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Call>) {
        let (queue, calls) = mpsc::unbounded_channel();
        (Calls { queue, under_way: Arc::default(), finished: CancellationToken::new() }, calls)
    }

    pub(crate) fn ask(&self, calls: Vec<Call>) {
        for call in calls {
            if self.queue.send(call).is_err() {
                // The service stops: the intent is in the database, and the next start finds it.
                return;
            }
        }
    }

    pub(crate) fn stop(&self, orders: &[OrderId]) {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        for order in orders {
            if let Some(stop) = under_way.get(&(*order, Kind::Charge)) {
                stop.cancel();
            }
        }
    }

    /// None: it is under way already.
    fn begin(&self, key: Key) -> Option<CancellationToken> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.contains_key(&key) {
            return None;
        }
        let stop = CancellationToken::new();
        under_way.insert(key, stop.clone());
        Some(stop)
    }

    fn end(&self, answers: &BTreeMap<OrderId, Said>) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        for (order, said) in answers {
            under_way.remove(&(*order, said.kind()));
        }
    }

    /// Waits until the calls have ended and the answers are recorded.
    pub(crate) async fn finished(&self) {
        self.finished.cancelled().await;
    }
}

/// Makes the calls until `shutdown`; then waits a moment for those under way, and records what they said.
pub(crate) async fn run<G: PaymentGateway>(
    gateway: Arc<G>,
    lane: Lane,
    calls: Calls,
    mut queue: mpsc::UnboundedReceiver<Call>,
    concurrency: usize,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(concurrency));
    let mut tasks: JoinSet<(OrderId, Said)> = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            done = tasks.join_next(), if !tasks.is_empty() => {
                let mut answers = BTreeMap::new();
                let mut next = done;
                while let Some(done) = next {
                    if let Some((order, said)) = answered(done) {
                        answers.insert(order, said);
                    }
                    next = if answers.len() < BATCH { tasks.try_join_next() } else { None };
                }
                record(&lane, &calls, answers, &shutdown).await;
            }
            call = queue.recv() => {
                let Some(call) = call else { break };
                let Some(stop) = calls.begin(call.key()) else { continue };
                let (gateway, room) = (Arc::clone(&gateway), Arc::clone(&room));
                tasks.spawn(async move {
                    let _seat = room.acquire_owned().await;
                    perform(&*gateway, call, &stop).await
                });
            }
        }
    }
    let mut answers = BTreeMap::new();
    let gather = async {
        while let Some(done) = tasks.join_next().await {
            if let Some((order, said)) = answered(done) {
                answers.insert(order, said);
            }
        }
    };
    if tokio::time::timeout(GOODBYE, gather).await.is_err() {
        info!("calls to the provider are left open; the next start looks them up");
    }
    record(&lane, &calls, answers, &shutdown).await;
    calls.finished.cancel();
}

fn answered(done: Result<(OrderId, Said), tokio::task::JoinError>) -> Option<(OrderId, Said)> {
    done.inspect_err(|error| error!(%error, "a call to the provider panicked; the next start looks it up"))
        .ok()
}

async fn perform<G: PaymentGateway>(gateway: &G, call: Call, stop: &CancellationToken) -> (OrderId, Said) {
    let (order, _) = call.key();
    match call {
        Call::Charge { charge, again, stop: stopped } => {
            if stopped {
                stop.cancel();
            }
            (order, Said::Charge(cleaned(charge_to_the_end(gateway, &charge, again, stop).await)))
        }
        Call::Refund { charge, refund } => {
            let mut attempt = 0;
            loop {
                match bounded(
                    Point::BeforeRefund,
                    gateway.refund(&charge, refund.refund_id),
                    Point::AfterRefund,
                )
                .await
                {
                    Ok(()) => return (order, Said::Refunded),
                    Err(error) if attempt + 1 >= REFUND_ATTEMPTS => {
                        let reason = clean(&error.to_string());
                        return (order, Said::RefundParked { attempts: attempt + 1, reason });
                    }
                    Err(error) => warn!(%order, attempt, %error, "a refund is tried again"),
                }
                back_off(attempt).await;
                attempt += 1;
            }
        }
    }
}

/// A provider's text goes into our database and onto our topics: no control characters, and not without end.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(1_000).collect()
}

fn cleaned(answer: Answer) -> Answer {
    match answer {
        Answer::Captured { transaction_id, response } => {
            Answer::Captured { transaction_id: clean(&transaction_id), response: clean(&response) }
        }
        Answer::Declined { reason, response } => {
            Answer::Declined { reason: clean(&reason), response: clean(&response) }
        }
    }
}

/// Asks until there is a final answer. A charge is never given up without the provider's word that it cannot be captured.
async fn charge_to_the_end<G: PaymentGateway>(
    gateway: &G,
    charge: &Charge,
    again: bool,
    stop: &CancellationToken,
) -> Answer {
    let (mut look_first, mut attempt) = (again, 0);
    loop {
        let answer = if look_first {
            match bounded(Point::BeforeLookUp, gateway.look_up(charge.payment_id), Point::AfterLookUp).await {
                Ok(Some(answer)) => return answer,
                // Never heard of: it may be charged now.
                Ok(None) => {
                    look_first = false;
                    continue;
                }
                Err(error) => Err(error),
            }
        } else if stop.is_cancelled() || attempt >= ATTEMPTS {
            bounded(Point::BeforeStop, gateway.cancel(charge.payment_id), Point::AfterStop).await
        } else {
            tokio::select! {
                answer = bounded(Point::BeforeCharge, gateway.charge(charge), Point::AfterCharge) => answer,
                () = stop.cancelled() => continue,
            }
        };
        match answer {
            Ok(answer) => return answer,
            Err(error) => warn!(order_id = %charge.order_id, attempt, %error, "a charge has no answer yet"),
        }
        back_off(attempt).await;
        attempt += 1;
    }
}

async fn bounded<T>(
    before: Point,
    call: impl Future<Output = Result<T, NoAnswer>>,
    after: Point,
) -> Result<T, NoAnswer> {
    reach(before);
    let answer = tokio::time::timeout(TIMEOUT, call).await;
    reach(after);
    match answer {
        Ok(answer) => answer,
        Err(_) => Err(NoAnswer { detail: format!("none within {} s", TIMEOUT.as_secs()) }),
    }
}

async fn back_off(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(100 << attempt.min(8))).await;
}

/// Commits the answers, however often the database has to be asked. Those of shards that went to somebody else are left
/// to the new owner, who looks them up.
async fn record(lane: &Lane, calls: &Calls, answers: BTreeMap<OrderId, Said>, shutdown: &CancellationToken) {
    let mut open = answers.clone();
    let mut attempt = 0;
    while !open.is_empty() {
        open.retain(|order, _| lane.holds(shard(lane, *order)));
        match try_record(lane, &open).await {
            Ok(follow_up) => {
                calls.end(&answers);
                calls.ask(follow_up);
                return;
            }
            Err(ReactError::Fenced(lost)) => open.retain(|order, _| !lost.contains(&shard(lane, *order))),
            Err(error) if error.is_transient() => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    answers = open.len(),
                    "answers are not recorded yet"
                );
                if shutdown.is_cancelled() && attempt > 3 {
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
                one_by_one(lane, calls, &open).await;
                break;
            }
        }
    }
    calls.end(&answers);
}

/// The answer that cannot be recorded stays an open intent, and is looked up at the next start; the others are kept.
async fn one_by_one(lane: &Lane, calls: &Calls, answers: &BTreeMap<OrderId, Said>) {
    for (order, said) in answers {
        match try_record(lane, &BTreeMap::from([(*order, said.clone())])).await {
            Ok(follow_up) => {
                calls.end(&BTreeMap::from([(*order, said.clone())]));
                calls.ask(follow_up);
            }
            Err(error) => {
                error!(%order, error = &error as &dyn std::error::Error, "an answer cannot be recorded")
            }
        }
    }
}

pub(crate) async fn try_record(
    lane: &Lane,
    answers: &BTreeMap<OrderId, Said>,
) -> Result<Vec<Call>, ReactError> {
    reach(Point::BeforeRecord);
    let shards: BTreeSet<u32> = answers.keys().map(|order| shard(lane, *order)).collect();
    let mut transaction = lane.begin(&shards.into_iter().collect::<Vec<_>>()).await?;
    let (emissions, follow_up) = record_answers(lane, transaction.connection(), answers, lane.now()).await?;
    transaction.commit(&emissions).await?;
    Ok(follow_up)
}

fn shard(lane: &Lane, order: OrderId) -> u32 {
    lane.shard_of(&order.to_string())
}
