//! What a connection is doing: who is waited for, and since when.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a client may take for each part of a request. A connection whose client is slower is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// From the first byte of a request to the end of its headers.
    pub header: Duration,
    /// Between two requests on one connection, and before the first.
    pub idle: Duration,
    /// From the end of the headers to the end of the body. A handler may answer 408 sooner.
    pub body: Duration,
    /// Without a single byte of the answer being taken.
    pub write: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        ClientTimeouts {
            header: Duration::from_secs(10),
            // Longer than proxies keep a connection, so that they close it and no request meets a closed one.
            idle: Duration::from_secs(120),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of the next request has come.
    Idle,
    /// A part of the headers has.
    Header,
    /// The headers, but not all of the body.
    Body,
    /// The whole request: the client waits for us.
    Answering,
    /// The connection is being closed, and takes no request any more.
    Closing,
}

struct State {
    phase: Phase,
    since: Instant,
    /// Since when the client takes no byte of the answer.
    blocked: Option<Instant>,
    /// The library answered by itself.
    refused: bool,
}

/// The state of one connection, told by its stream and its requests.
pub(super) struct Activity(Mutex<State>);

impl Activity {
    pub(super) fn new() -> Self {
        Activity(Mutex::new(State {
            phase: Phase::Idle,
            since: Instant::now(),
            blocked: None,
            refused: false,
        }))
    }

    fn enter(&self, phase: Phase, from: &[Phase]) {
        let mut state = self.0.lock();
        if from.contains(&state.phase) {
            (state.phase, state.since) = (phase, Instant::now());
        }
    }

    /// Bytes came.
    pub(super) fn received(&self) {
        self.enter(Phase::Header, &[Phase::Idle]);
    }

    /// The headers are complete. `whole`: there is no body. False: the connection is being closed.
    pub(super) fn request_began(&self, whole: bool) -> bool {
        let mut state = self.0.lock();
        if state.phase == Phase::Closing {
            return false;
        }
        (state.phase, state.since) = (if whole { Phase::Answering } else { Phase::Body }, Instant::now());
        true
    }

    pub(super) fn body_ended(&self) {
        self.enter(Phase::Answering, &[Phase::Body]);
    }

    pub(super) fn answered(&self) {
        self.enter(Phase::Idle, &[Phase::Body, Phase::Answering]);
    }

    pub(super) fn write_blocked(&self) {
        self.0.lock().blocked.get_or_insert_with(Instant::now);
    }

    pub(super) fn wrote(&self) {
        self.0.lock().blocked = None;
    }

    pub(super) fn refuse(&self) {
        self.0.lock().refused = true;
    }

    pub(super) fn was_refused(&self) -> bool {
        self.0.lock().refused
    }

    /// Since when the client is waited for: such a connection can be closed and costs nobody a request that was received.
    pub(super) fn waits_for_client_since(&self) -> Option<Instant> {
        let state = self.0.lock();
        match state.phase {
            Phase::Idle | Phase::Header | Phase::Body => Some(state.since),
            Phase::Answering | Phase::Closing => None,
        }
    }

    /// Closes the connection unless the whole of a request has come meanwhile.
    pub(super) fn displace(&self) -> bool {
        let mut state = self.0.lock();
        let waits = matches!(state.phase, Phase::Idle | Phase::Header | Phase::Body);
        if waits {
            state.phase = Phase::Closing;
        }
        waits
    }

    /// Closes the connection if its client is too slow, and says with what.
    pub(super) fn close_overdue(&self, timeouts: &ClientTimeouts, now: Instant) -> Option<&'static str> {
        let mut state = self.0.lock();
        let overdue = state.overdue(timeouts, now);
        if overdue.is_some() {
            state.phase = Phase::Closing;
        }
        overdue
    }
}

impl State {
    fn overdue(&self, timeouts: &ClientTimeouts, now: Instant) -> Option<&'static str> {
        if self.blocked.is_some_and(|since| now.saturating_duration_since(since) > timeouts.write) {
            return Some("write");
        }
        let (limit, part) = match self.phase {
            Phase::Idle => (timeouts.idle, "idle"),
            Phase::Header => (timeouts.header, "header"),
            Phase::Body => (timeouts.body, "body"),
            Phase::Answering | Phase::Closing => return None,
        };
        (now.saturating_duration_since(self.since) > limit).then_some(part)
    }
}
