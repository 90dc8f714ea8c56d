//! The requests to the provider for one call, until there is a final answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use minuet_events::values::{Micros, OrderId};
use minuet_messaging::failpoint::Failpoint::{
    AfterCharge, AfterLookUp, AfterRefund, AfterStop, BeforeCharge, BeforeLookUp, BeforeRefund, BeforeStop,
};
use minuet_messaging::failpoint::{Failpoint, hit};
use minuet_telemetry::error_chain;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::call::{Call, ProviderOutcome};
use crate::domain::{Answer, Charge, Refund, in_time, too_late};
use crate::messaging::ServiceContext;
use crate::meters::PaymentMeters;
use crate::payment_trace::PaymentTrace;
use crate::provider::{NoAnswer, PaymentGateway};

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
    pub(super) refund_attempts: u32,
}

impl<G: PaymentGateway> ProviderClient<G> {
    /// `trace` records the requests.
    pub(super) async fn run(
        &self,
        call: Call,
        stop: &CancellationToken,
        trace: Option<&PaymentTrace>,
    ) -> ProviderOutcome {
        match call {
            Call::Charge { charge, expires_at, again, stop: stopped, .. } => {
                if stopped {
                    stop.cancel();
                }
                ProviderOutcome::Charge(cleaned(self.charge(&charge, expires_at, again, stop, trace).await))
            }
            Call::Refund { charge, refund, .. } => self.refund(&charge, &refund, trace).await,
        }
    }

    async fn refund(
        &self,
        charge: &Charge,
        refund: &Refund,
        trace: Option<&PaymentTrace>,
    ) -> ProviderOutcome {
        let mut attempts = 0;
        loop {
            let error = match self
                .with_permit(
                    trace,
                    [BeforeRefund, AfterRefund],
                    self.gateway.refund(charge, refund.refund_id),
                )
                .await
            {
                Ok(()) => return ProviderOutcome::Refunded,
                Err(error) => error,
            };
            attempts += 1;
            if attempts >= self.refund_attempts {
                return ProviderOutcome::RefundParked { attempts, reason: clean(&error.to_string()) };
            }
            warn!(error = error_chain(&error), order_id = %charge.order_id, attempts, "refund failed; it is retried");
            back_off(attempts - 1).await;
        }
    }

    /// Asks until there is a final answer. A charge ends only when the provider says that it cannot be captured.
    async fn charge(
        &self,
        charge: &Charge,
        expires_at: Micros,
        again: bool,
        stop: &CancellationToken,
        trace: Option<&PaymentTrace>,
    ) -> Answer {
        let (mut look_first, mut attempt) = (again, 0);
        let call_off =
            || self.with_permit(trace, [BeforeStop, AfterStop], self.gateway.cancel(charge.payment_id));
        loop {
            let answer = if look_first {
                match self
                    .with_permit(trace, [BeforeLookUp, AfterLookUp], self.gateway.look_up(charge.payment_id))
                    .await
                {
                    Ok(Some(answer)) => return answer,
                    // Never heard of: it may be charged now.
                    Ok(None) => {
                        look_first = false;
                        continue;
                    }
                    Err(error) => Err(error),
                }
            } else if stop.is_cancelled() || attempt >= MAX_ATTEMPTS {
                call_off().await
            } else if self.context.trusts_time() && !in_time(expires_at, self.context.now()) {
                call_off().await.map(too_late)
            } else {
                tokio::select! {
                    answer = self.with_permit(trace, [BeforeCharge, AfterCharge], self.gateway.charge(charge)) => answer,
                    () = stop.cancelled() => continue,
                }
            };
            match answer {
                Ok(answer) => return answer,
                Err(error) => unanswered(charge.order_id, attempt, &error),
            }
            back_off(attempt).await;
            attempt += 1;
        }
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
