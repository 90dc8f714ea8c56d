use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{info, warn};

/// Between two clocks so much is told: far above what NTP leaves, far below what hurts.
const TOLD_SKEW: time::Duration = time::Duration::seconds(5);

/// Logs the difference of two clocks when it crosses the bound, not at each look.
#[derive(Debug, Default)]
pub(super) struct SkewLog {
    /// Whether the last line said that the clocks differ.
    is_far: AtomicBool,
}

impl SkewLog {
    pub(super) fn tell(&self, skew: time::Duration, detail: &'static str) {
        let is_far = skew.abs() > TOLD_SKEW;
        if self.is_far.swap(is_far, Ordering::Relaxed) == is_far {
            return;
        }
        let skew_ms = i64::try_from(skew.whole_milliseconds()).unwrap_or(i64::MAX);
        match is_far {
            true => warn!(skew_ms, detail, "clocks differ"),
            false => info!(skew_ms, detail, "clocks agree again"),
        }
    }
}
