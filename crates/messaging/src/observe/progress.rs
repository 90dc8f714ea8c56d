//! Whether the service makes progress: its inputs are read and its outbox shrinks, as long as something is in them.
//!
//! That the dependencies answer does not prove it. A batch may wait for a lock that another session holds, the broker may
//! refuse what is published, or deliver nothing. So a watch (`runtime::progress_watch`) looks at the positions every few
//! seconds. A position that has stood for [`Settings::stall_after`](crate::Settings::stall_after) although there is work is
//! a [`Stall`](crate::observe::health::Stall), and the service is not ready.
//!
//! No stall is: an idle partition; a gap at the end of a partition, which no message fills; an event that is parked, since
//! the position goes past it; a batch that is committed in parts; a partition that another instance owns.

mod inputs;
mod outbox;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use minuet_telemetry::meters::Meters;
use minuet_telemetry::names::meter;

pub(crate) use inputs::{BatchInFlight, Input, Inputs};
pub(crate) use outbox::{Outbox, Refusals, STANDING, look};

/// Since when positions stand.
struct Standing<K>(HashMap<K, (i64, Instant)>);

impl<K: Eq + Hash> Standing<K> {
    fn new() -> Self {
        Standing(HashMap::new())
    }

    /// Since when the position is this one.
    fn since(&mut self, key: K, position: i64, now: Instant) -> Instant {
        let seen = self.0.entry(key).or_insert((position, now));
        if seen.0 != position {
            *seen = (position, now);
        }
        seen.1
    }

    /// Forgets what has no work now: later work starts afresh.
    fn keep(&mut self, with_work: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| with_work(key));
    }
}

/// Registers the gauge of refused rows.
pub(crate) fn observe(meters: &Meters, refusals: &Arc<Refusals>) {
    let refusals = Arc::clone(refusals);
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    meters.gauge(&meter::OUTBOX_REFUSED, move || vec![(vec![], refusals.count() as f64)]);
}
