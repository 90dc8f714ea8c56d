//! The work of the current task: its trace and its subject.

use std::sync::OnceLock;

use minuet_envelope::TraceContext;

use crate::subject_names;

tokio::task_local! {
    static SCOPE: Scope;
}

pub(crate) struct Scope {
    pub(crate) trace: Option<TraceContext>,
    subject: OnceLock<String>,
}

impl Scope {
    fn new(trace: Option<TraceContext>, subject: Option<String>) -> Self {
        Scope { trace, subject: subject.map(OnceLock::from).unwrap_or_default() }
    }

    /// The noted subject, or else the one that the trace's baggage names.
    pub(crate) fn subject(&self) -> Option<&str> {
        let in_baggage = || self.trace.as_ref()?.baggage_entry(subject_names::names()?.attribute);
        self.subject.get().map(String::as_str).or_else(in_baggage)
    }
}

/// Runs `work` under a trace and about a subject. Each log line of the work carries both. A subject that is not known yet is
/// noted later, by [`note_subject`].
///
/// ```
/// use minuet_telemetry::{TraceContext, note_subject, scope, subject};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let trace = TraceContext::root(7, 8, true);
/// let seen = scope(Some(trace), None, async {
///     note_subject("order-1");
///     subject()
/// });
/// assert_eq!(seen.await.as_deref(), Some("order-1"));
/// # }
/// ```
pub async fn scope<F: Future>(trace: Option<TraceContext>, subject: Option<String>, work: F) -> F::Output {
    SCOPE.scope(Scope::new(trace, subject), work).await
}

/// As [`scope`], for work that does not wait.
pub fn within<T>(trace: Option<TraceContext>, subject: Option<String>, work: impl FnOnce() -> T) -> T {
    SCOPE.sync_scope(Scope::new(trace, subject), work)
}

/// The span that the current work runs under.
pub fn current() -> Option<TraceContext> {
    SCOPE.try_with(|scope| scope.trace.clone()).ok().flatten()
}

/// Notes the subject of the current work, once it is known. The first note stays.
pub fn note_subject(subject: &str) {
    with_scope(|scope| scope.subject.get_or_init(|| subject.to_owned()).len());
}

/// The subject of the current work.
pub fn subject() -> Option<String> {
    SCOPE.try_with(|scope| scope.subject().map(str::to_owned)).ok().flatten()
}

/// `None`: there is no scope.
pub(crate) fn with_scope<T>(read: impl FnOnce(&Scope) -> T) -> Option<T> {
    SCOPE.try_with(read).ok()
}
