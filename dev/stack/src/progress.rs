use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Part;

/// What a part is doing while the stack starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for the processes of an earlier run, which are still stopping.
    Waiting,
    /// Maven downloads it; only on the first start on this machine.
    Fetching,
    /// Creates its data; only on the first start under this root.
    Initialising,
    Starting,
    Ready,
}

/// Reported whenever a part enters a state; `elapsed` counts from the start of the whole stack.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub part: Part,
    pub state: State,
    pub elapsed: Duration,
}

/// The caller's closure, shared by the parts that start at the same time.
pub(crate) struct Reporter<F> {
    begun: Instant,
    report: Mutex<F>,
}

impl<F: FnMut(Progress)> Reporter<F> {
    pub(crate) fn new(report: F) -> Self {
        Self { begun: Instant::now(), report: Mutex::new(report) }
    }

    pub(crate) fn enter(&self, part: Part, state: State) {
        let progress = Progress { part, state, elapsed: self.begun.elapsed() };
        let mut report = self.report.lock();
        (*report)(progress);
    }
}
