//! The requests to the provider for one call, until there is a final answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use minuet_events::values::{CancellationReason, Micros, OrderId};
use minuet_messaging::failpoint::Failpoint::{
    AfterCharge, AfterLookUp, AfterRefund, AfterStop, BeforeCharge, BeforeLookUp, BeforeRefund, BeforeStop,
};
use minuet_messaging::failpoint::{Failpoint, hit};
use minuet_telemetry::error_chain;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::asking::{AskRate, Waits};
use super::in_flight::Signals;
use crate::call::{Call, ProviderOutcome};
use crate::domain::{Answer, Charge, ProviderReference, Refund, Standing, in_time, too_late};
use crate::messaging::ServiceContext;
use crate::meters::PaymentMeters;
use crate::payment_trace::PaymentTrace;
use crate::provider::{Created, ListedRefund, NoAnswer, PaymentGateway, RefundRequest, RefundStanding};

/// How long one request to the provider may take: longer than a slow one needs, since a cut one has to be asked about.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// After how many requests without an answer the charge is called off.
const MAX_ATTEMPTS: u32 = 5;

pub(super) struct ProviderClient<G> {
    pub(super) gateway: Arc<G>,
    pub(super) context: ServiceContext,
    pub(super) meters: PaymentMeters,
    /// One for each request at the provider. A call that waits for its next attempt holds none.
    pub(super) permits: Semaphore,
    pub(super) asks: AskRate,
    pub(super) refund_attempts: u32,
}

impl<G: PaymentGateway> ProviderClient<G> {
    /// `trace` records the requests.
    pub(super) async fn run(
        &self,
        call: Call,
        signals: &Signals,
        trace: Option<&PaymentTrace>,
    ) -> ProviderOutcome {
        match call {
            Call::Charge { charge, reference, expires_at, again, stop: stopped, .. } => {
                let stop = &signals.stop;
                if stopped {
                    stop.cancel();
                }
                let reference = reference.or_else(|| self.gateway.own_reference(charge.payment_id));
                let Some(reference) = reference else {
                    return self.create(&charge, expires_at, stop, trace).await;
                };
                let answer = self.charge(&charge, &reference, expires_at, again, signals, trace).await;
                ProviderOutcome::Charge(cleaned(answer))
            }
            Call::Refund { charge, reference, refund, again, .. } => {
                self.refund(&charge, &reference, &refund, again, trace).await
            }
        }
    }

    async fn refund(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
        refund: &Refund,
        again: bool,
        trace: Option<&PaymentTrace>,
    ) -> ProviderOutcome {
        let request = RefundRequest { refund_id: refund.refund_id, amount: refund.amount };
        // The provider may have made the refund, and may have forgotten the key since.
        let (mut look_first, mut attempts) = (again, 0);
        loop {
            let standing = if look_first {
                let listed = self.gateway.refunds(charge, reference);
                let listed = self.with_permit(trace, [BeforeLookUp, AfterLookUp], listed).await;
                let ours = |listed: &ListedRefund| listed.refund_id == Some(request.refund_id);
                listed.map(|listed| listed.into_iter().find(ours).map(|listed| listed.standing))
            } else {
                let made = self.gateway.refund(charge, reference, &request);
                self.with_permit(trace, [BeforeRefund, AfterRefund], made).await.map(Some)
            };
            let error = match standing {
                Ok(Some(RefundStanding::Given | RefundStanding::Pending)) => {
                    return ProviderOutcome::Refunded(refund.refund_id);
                }
                Ok(Some(RefundStanding::Failed { reason })) => {
                    return ProviderOutcome::RefundParked {
                        refund_id: refund.refund_id,
                        attempts: attempts + 1,
                        reason: clean(&reason),
                    };
                }
                Ok(None) => {
                    look_first = false;
                    continue;
                }
                Err(error) => error,
            };
            attempts += 1;
            look_first = true;
            if attempts >= self.refund_attempts {
                return ProviderOutcome::RefundParked {
                    refund_id: refund.refund_id,
                    attempts,
                    reason: clean(&error.to_string()),
                };
            }
            warn!(error = error_chain(&error), order_id = %charge.order_id, attempts, "refund failed; it is retried");
            back_off(attempts - 1).await;
        }
    }

    /// Creates the payment at the provider. Until its id is committed no money can move, so that a payment that is not wanted any
    /// more is declined without a request.
    async fn create(
        &self,
        charge: &Charge,
        expires_at: Micros,
        stop: &CancellationToken,
        trace: Option<&PaymentTrace>,
    ) -> ProviderOutcome {
        let mut attempt = 0;
        loop {
            let declined = |reason: &str| {
                ProviderOutcome::Charge(Answer::Declined { reason: clean(reason), response: String::new() })
            };
            if stop.is_cancelled() {
                return declined("stopped");
            }
            if !self.is_in_time(expires_at) {
                return declined(CancellationReason::ReservationExpired.as_str());
            }
            if attempt >= MAX_ATTEMPTS {
                return declined("provider_unreachable");
            }
            let created = self.with_permit(trace, [BeforeCharge, AfterCharge], self.gateway.create(charge));
            match created.await {
                Ok(Created::Unconfirmed(reference)) => {
                    return ProviderOutcome::Created { reference, expires_at };
                }
                Ok(Created::Declined { reason, response }) => {
                    return ProviderOutcome::Charge(cleaned(Answer::Declined { reason, response }));
                }
                Err(error) => unanswered(charge.order_id, attempt, &error),
            }
            back_off(attempt).await;
            attempt += 1;
        }
    }

    /// Asks until there is a final answer. A charge ends only when the provider says that it cannot be captured.
    async fn charge(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
        expires_at: Micros,
        again: bool,
        signals: &Signals,
        trace: Option<&PaymentTrace>,
    ) -> Answer {
        let stop = &signals.stop;
        let (mut ask_first, mut attempt, mut waits) = (again, 0, Waits::new());
        let call_off =
            || self.with_permit(trace, [BeforeStop, AfterStop], self.gateway.cancel(charge, reference));
        loop {
            let is_late = !self.is_in_time(expires_at);
            let standing = if ask_first {
                self.with_permit(trace, [BeforeLookUp, AfterLookUp], self.gateway.ask(charge, reference))
                    .await
            } else if stop.is_cancelled() || attempt >= MAX_ATTEMPTS {
                call_off().await
            } else if is_late {
                call_off().await.map(|standing| match standing {
                    Standing::Answered(answer) => Standing::Answered(too_late(answer)),
                    open => open,
                })
            } else {
                let begun = self.gateway.begin(charge, reference);
                tokio::select! {
                    begun = self.with_permit(trace, [BeforeCharge, AfterCharge], begun) => begun,
                    () = stop.cancelled() => continue,
                }
            };
            match standing {
                Ok(Standing::Answered(answer)) => return answer,
                // Never begun: it may be begun now.
                Ok(Standing::Unconfirmed) if ask_first => {
                    ask_first = false;
                    continue;
                }
                Ok(Standing::Unconfirmed | Standing::MustAct(_) | Standing::Processing) => {
                    waits.wait(&self.asks, signals, || !self.is_in_time(expires_at)).await;
                    // From the end of the reservation on, the payment is cancelled instead of asked for.
                    (ask_first, attempt) = (!stop.is_cancelled() && self.is_in_time(expires_at), 0);
                    continue;
                }
                Err(error) => unanswered(charge.order_id, attempt, &error),
            }
            back_off(attempt).await;
            attempt += 1;
        }
    }

    /// While this database's time is not trusted, nothing is late.
    fn is_in_time(&self, expires_at: Micros) -> bool {
        !self.context.trusts_time() || in_time(expires_at, self.context.now())
    }

    async fn with_permit<T>(
        &self,
        trace: Option<&PaymentTrace>,
        [before, after]: [Failpoint; 2],
        call: impl Future<Output = Result<T, NoAnswer>>,
    ) -> Result<T, NoAnswer> {
        // Never closed, so there is always one in the end.
        let _permit = self.permits.acquire().await;
        hit(before);
        let begun = SystemTime::now();
        let answer = self.meters.request(operation(before), bounded(call)).await;
        hit(after);
        if let Some(trace) = trace {
            trace.add_call(
                operation(before),
                begun,
                answer.as_ref().err().map(|error| clean(&error_chain(error))),
            );
        }
        answer
    }
}

async fn bounded<T>(call: impl Future<Output = Result<T, NoAnswer>>) -> Result<T, NoAnswer> {
    match tokio::time::timeout(REQUEST_TIMEOUT, call).await {
        Ok(answer) => answer,
        Err(_) => Err(NoAnswer { detail: format!("none within {} s", REQUEST_TIMEOUT.as_secs()) }),
    }
}

/// The request before which this point lies.
fn operation(before: Failpoint) -> &'static str {
    match before {
        BeforeLookUp => "look_up",
        BeforeStop => "cancel",
        BeforeRefund => "refund",
        _ => "charge",
    }
}

fn unanswered(order_id: OrderId, attempt: u32, error: &NoAnswer) {
    warn!(error = error_chain(error), %order_id, attempt, "charge has no answer; it is retried");
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

pub(super) async fn back_off(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(100 << attempt.min(8))).await;
}
