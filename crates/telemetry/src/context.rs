//! What is being worked on: its trace and its order, for every log line that is written meanwhile and every call that is made.

use std::sync::OnceLock;

use minuet_envelope::TraceContext;

use crate::names::attribute;

tokio::task_local! {
    static SCOPE: Scope;
}

pub(crate) struct Scope {
    pub(crate) trace: Option<TraceContext>,
    order: OnceLock<String>,
}

impl Scope {
    fn new(trace: Option<TraceContext>, order: Option<String>) -> Self {
        Scope { trace, order: order.map(OnceLock::from).unwrap_or_default() }
    }

    pub(crate) fn order(&self) -> Option<&str> {
        self.order
            .get()
            .map(String::as_str)
            .or_else(|| self.trace.as_ref()?.baggage_entry(attribute::ORDER_ID))
    }
}

/// Work on an order, or on a request that will tell which order it is about.
pub async fn scope<F: Future>(trace: Option<TraceContext>, order: Option<String>, work: F) -> F::Output {
    SCOPE.scope(Scope::new(trace, order), work).await
}

/// As [`scope`], for what does not wait.
pub fn within<T>(trace: Option<TraceContext>, order: Option<String>, work: impl FnOnce() -> T) -> T {
    SCOPE.sync_scope(Scope::new(trace, order), work)
}

/// The span under which work is done now.
pub fn current() -> Option<TraceContext> {
    SCOPE.try_with(|scope| scope.trace.clone()).ok().flatten()
}

/// The order that this turned out to be about. The first one stays.
pub fn note_order(order: &str) {
    look(|scope| scope.order.get_or_init(|| order.to_owned()).len());
}

/// The order that was noted.
pub fn order() -> Option<String> {
    SCOPE.try_with(|scope| scope.order().map(str::to_owned)).ok().flatten()
}

pub(crate) fn look<T>(show: impl FnOnce(&Scope) -> T) -> Option<T> {
    SCOPE.try_with(show).ok()
}
