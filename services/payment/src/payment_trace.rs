//! The spans of a payment and of its provider calls, recorded when the outcome commits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use minuet_events::TraceContext;
use minuet_events::names as attribute;
use minuet_telemetry::{Kind, Span};
use parking_lot::{Mutex, MutexGuard};

use crate::call::{Call, ProviderOutcome};
use crate::call_kind::Key;
use crate::domain::Charge;
use crate::messaging::{OutboxEvent, ServiceContext};
use crate::names::span;
use crate::origin::Origin;

/// A payment or a refund in flight. Kept only if its trace is recorded.
#[derive(Debug)]
pub(crate) struct PaymentTrace {
    origin: Origin,
    charge: Charge,
    begun: SystemTime,
    calls: Mutex<Vec<ProviderCall>>,
}

/// The traces of the calls in flight, until their outcomes are recorded.
#[derive(Debug, Default)]
pub(crate) struct PaymentTraces(Mutex<BTreeMap<Key, Arc<PaymentTrace>>>);

impl PaymentTraces {
    pub(crate) fn begin(&self, context: &ServiceContext, call: &Call) -> Option<Arc<PaymentTrace>> {
        let trace = Arc::new(PaymentTrace::begin(context, call)?);
        self.lock().insert(call.key(), Arc::clone(&trace));
        Some(trace)
    }

    /// The outcomes have committed, and these events with them.
    pub(crate) fn record(
        &self,
        context: &ServiceContext,
        outcomes: &BTreeMap<Key, ProviderOutcome>,
        emissions: &[OutboxEvent],
    ) {
        let traces = self.lock();
        for (key, outcome) in outcomes {
            let Some(trace) = traces.get(key) else { continue };
            if let ProviderOutcome::RefundParked { reason, .. } = outcome {
                trace.record_parked(context, reason);
            }
            let order = key.0.to_string();
            for emission in emissions.iter().filter(|emission| *emission.envelope.subject == *order) {
                trace.record_event(context, emission);
            }
        }
    }

    pub(crate) fn forget<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        let mut traces = self.lock();
        for key in keys {
            traces.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<PaymentTrace>>> {
        self.0.lock()
    }
}

/// A request to the provider.
#[derive(Debug)]
struct ProviderCall {
    operation: &'static str,
    begun: SystemTime,
    ended: SystemTime,
    error: Option<String>,
}

impl PaymentTrace {
    fn begin(context: &ServiceContext, call: &Call) -> Option<PaymentTrace> {
        let origin = call.origin().filter(|origin| context.tracer().records(&origin.trace))?.clone();
        Some(PaymentTrace {
            origin,
            charge: call.charge().clone(),
            begun: SystemTime::now(),
            calls: Mutex::default(),
        })
    }

    /// The request that has just ended.
    pub(crate) fn add_call(&self, operation: &'static str, begun: SystemTime, error: Option<String>) {
        self.calls.lock().push(ProviderCall { operation, begun, ended: SystemTime::now(), error });
    }

    /// The payment or refund has ended with this event.
    fn record_event(&self, context: &ServiceContext, emission: &OutboxEvent) {
        let Some(ended) = context.decision_span(emission, self.begun) else { return };
        self.record_span(context, ended, &emission.decision_span());
    }

    /// The refund has ended without an event: it is parked.
    fn record_parked(&self, context: &ServiceContext, reason: &str) {
        let own = context.tracer().child(&self.origin.trace);
        let ended = Span::new(span::PAYMENT_REFUND, Kind::Internal, &own, self.begun)
            .until(SystemTime::now())
            .under(&self.origin.trace)
            .failed_with("parked", reason.to_owned());
        self.record_span(context, ended, &own);
    }

    fn record_span(&self, context: &ServiceContext, ended: Span, own: &TraceContext) {
        let tracer = context.tracer();
        let payment = self.charge.payment_id.to_string();
        let mut ended = ended
            .with(attribute::PAYMENT_ID, payment.clone())
            .with(attribute::METHOD, self.charge.payment_method.as_str());
        if let Some(user) = &self.origin.user {
            ended.set(attribute::USER_ID, user.clone());
        }
        if let Some(request) = &self.origin.request {
            ended = ended.link(request, "request");
        }
        for call in self.calls.lock().drain(..) {
            let request = Span::new(span::PAYMENT_CALL, Kind::Client, &tracer.child(own), call.begun)
                .until(call.ended)
                .under(own)
                .with(attribute::PAYMENT_ID, payment.clone())
                .with(attribute::METHOD, self.charge.payment_method.as_str())
                .with(attribute::ORDER_ID, self.charge.order_id.to_string())
                .with("minuet.call", call.operation);
            tracer.record(match call.error {
                Some(error) => request.failed_with("no_answer", error),
                None => request,
            });
        }
        tracer.record(ended);
    }
}
