//! A line for each part and step, and how long it took.

use std::time::{Duration, Instant};

use minuet_stack::{Progress, State};

use crate::output;

/// Of a server, told by the stack while it starts.
pub(super) fn part(progress: Progress) {
    let what = match progress.state {
        State::Waiting => "waits for what an earlier run left",
        State::Fetching => "is fetched (once on this machine)",
        State::Initialising => "gets its data folder",
        State::Starting => return,
        State::Ready => "ready",
    };
    line(&format!("{} {what}", progress.part), progress.elapsed);
}

pub(super) struct Steps {
    since: Instant,
}

impl Steps {
    pub(super) fn new() -> Self {
        Steps { since: Instant::now() }
    }

    pub(super) fn done(self, what: &str) -> Self {
        line(what, self.since.elapsed());
        Steps::new()
    }
}

fn line(what: &str, took: Duration) {
    output::note(format!("{what:<52} {:>6.1} s", took.as_secs_f64()));
}
