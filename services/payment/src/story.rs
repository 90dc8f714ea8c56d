//! What is told of a payment once its end is recorded: how long it took, and what the provider was asked meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use minuet_events::TraceContext;
use minuet_events::names as attribute;
use minuet_events::trace::with_order;
use minuet_telemetry::{Kind, Span};
use parking_lot::{Mutex, MutexGuard};

use crate::call::{Call, Key, Said};
use crate::domain::Charge;
use crate::messaging::{OutboxEvent, ServiceContext};
use crate::names::span;
use crate::row::Row;

/// The trace that a call belongs to, and who wants it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The order's, under the span that its row keeps.
    trace: TraceContext,
    /// Of a request in a trace of its own.
    request: Option<TraceContext>,
    user: Option<String>,
}

impl Origin {
    pub(crate) fn of(row: &Row, request: Option<&TraceContext>) -> Option<Self> {
        let trace = with_order(row.trace.as_ref()?, row.order_id);
        let user = row.user_id.as_ref().map(ToString::to_string);
        Some(Origin { trace, request: request.cloned(), user })
    }

    pub(crate) fn trace(&self) -> &TraceContext {
        &self.trace
    }
}

/// A payment or a refund under way. Kept only where its trace is recorded.
#[derive(Debug)]
pub(crate) struct Story {
    origin: Origin,
    charge: Charge,
    begun: SystemTime,
    calls: Mutex<Vec<Made>>,
}

/// Those that are under way here, until their answers are recorded.
#[derive(Debug, Default)]
pub(crate) struct Stories(Mutex<BTreeMap<Key, Arc<Story>>>);

impl Stories {
    pub(crate) fn begin(&self, context: &ServiceContext, call: &Call) -> Option<Arc<Story>> {
        let story = Arc::new(Story::begin(context, call)?);
        self.lock().insert(call.key(), Arc::clone(&story));
        Some(story)
    }

    /// The answers are recorded.
    pub(crate) fn tell(
        &self,
        context: &ServiceContext,
        answers: &BTreeMap<Key, Said>,
        emissions: &[OutboxEvent],
    ) {
        let stories = self.lock();
        for (key, said) in answers {
            let Some(story) = stories.get(key) else { continue };
            if let Said::RefundParked { reason, .. } = said {
                story.tell_parked(context, reason);
            }
            let order = key.0.to_string();
            for emission in emissions.iter().filter(|emission| *emission.envelope.subject == *order) {
                story.tell(context, emission);
            }
        }
    }

    pub(crate) fn forget<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        let mut stories = self.lock();
        for key in keys {
            stories.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Story>>> {
        self.0.lock()
    }
}

/// A question to the provider.
#[derive(Debug)]
struct Made {
    what: &'static str,
    begun: SystemTime,
    ended: SystemTime,
    error: Option<String>,
}

impl Story {
    fn begin(context: &ServiceContext, call: &Call) -> Option<Story> {
        let origin = call.origin().filter(|origin| context.tracer().records(&origin.trace))?.clone();
        Some(Story {
            origin,
            charge: call.charge().clone(),
            begun: SystemTime::now(),
            calls: Mutex::default(),
        })
    }

    pub(crate) fn asked(&self, what: &'static str, begun: SystemTime, error: Option<String>) {
        let made = Made { what, begun, ended: SystemTime::now(), error };
        self.calls.lock().push(made);
    }

    /// It has ended with this event.
    fn tell(&self, context: &ServiceContext, emission: &OutboxEvent) {
        let Some(told) = context.told(emission, self.begun) else { return };
        self.tell_as(context, told, &emission.step());
    }

    /// It has ended without one: a person has to look.
    fn tell_parked(&self, context: &ServiceContext, reason: &str) {
        let own = context.tracer().child(&self.origin.trace);
        let told = Span::new(span::PAYMENT_REFUND, Kind::Internal, &own, self.begun)
            .until(SystemTime::now())
            .under(&self.origin.trace)
            .failed_with("parked", reason.to_owned());
        self.tell_as(context, told, &own);
    }

    fn tell_as(&self, context: &ServiceContext, told: Span, own: &TraceContext) {
        let tracer = context.tracer();
        let payment = self.charge.payment_id.to_string();
        let mut told = told
            .with(attribute::PAYMENT_ID, payment.clone())
            .with(attribute::METHOD, self.charge.payment_method.as_str());
        if let Some(user) = &self.origin.user {
            told.set(attribute::USER_ID, user.clone());
        }
        if let Some(request) = &self.origin.request {
            told = told.link(request, "request");
        }
        for made in self.calls.lock().drain(..) {
            let call = Span::new(span::PAYMENT_CALL, Kind::Client, &tracer.child(own), made.begun)
                .until(made.ended)
                .under(own)
                .with(attribute::PAYMENT_ID, payment.clone())
                .with(attribute::METHOD, self.charge.payment_method.as_str())
                .with(attribute::ORDER_ID, self.charge.order_id.to_string())
                .with("minuet.call", made.what);
            tracer.record(match made.error {
                Some(error) => call.failed_with("no_answer", error),
                None => call,
            });
        }
        tracer.record(told);
    }
}
