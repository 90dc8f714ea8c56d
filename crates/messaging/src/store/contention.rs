use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// For so long a shard locks its rows after a first conflict.
const MIN_LOCKING: Duration = Duration::from_millis(100);
/// Upper bound, reached by conflicts that come again and again.
const MAX_LOCKING: Duration = Duration::from_secs(10);
/// A conflict is a repeated one within this multiple of the last time of locking.
const MEMORY: u32 = 10;

/// The shards whose rows other transactions changed while a batch was decided. A conflict costs a read and a write for
/// nothing, so such a shard locks its rows for a while.
#[derive(Debug)]
pub(crate) struct Contention {
    /// Whether rows may be left unlocked at all.
    optimistic: bool,
    conflicts: Mutex<HashMap<u32, Conflict>>,
    count: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Conflict {
    at: Instant,
    /// For so long rows are locked.
    locking: Duration,
}

impl Contention {
    /// Without `optimistic` each shard locks its rows always.
    pub(crate) fn new(optimistic: bool) -> Self {
        Contention { optimistic, conflicts: Mutex::default(), count: AtomicU64::new(0) }
    }

    /// Whether one of the shards locks its rows at this time.
    pub(crate) fn locks(&self, shards: &BTreeSet<u32>, now: Instant) -> bool {
        if !self.optimistic {
            return true;
        }
        let conflicts = self.conflicts.lock();
        let locks = |conflict: &Conflict| now < conflict.at + conflict.locking;
        !conflicts.is_empty() && shards.iter().any(|shard| conflicts.get(shard).is_some_and(locks))
    }

    /// The number of conflicts so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Records a conflict of these shards.
    pub(crate) fn conflict(&self, shards: &BTreeSet<u32>, now: Instant) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut conflicts = self.conflicts.lock();
        conflicts.retain(|_, conflict| now < conflict.at + MEMORY * conflict.locking);
        for &shard in shards {
            let locking = conflicts.get(&shard).map_or(MIN_LOCKING, |last| MAX_LOCKING.min(2 * last.locking));
            conflicts.insert(shard, Conflict { at: now, locking });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_locks_for_longer_after_each_conflict_and_is_forgotten() {
        let (contention, begun) = (Contention::new(true), Instant::now());
        let (one, other) = (BTreeSet::from([1]), BTreeSet::from([2]));
        let after = |ms| begun + Duration::from_millis(ms);
        assert!(!contention.locks(&one, begun));
        contention.conflict(&one, begun);
        assert!(contention.locks(&one, after(99)) && contention.locks(&BTreeSet::from([1, 2]), after(99)));
        assert!(!contention.locks(&one, after(100)) && !contention.locks(&other, after(99)));
        contention.conflict(&one, after(500));
        assert!(contention.locks(&one, after(699)) && !contention.locks(&one, after(700)));
        contention.conflict(&one, after(10_000));
        assert!(contention.locks(&one, after(10_099)) && !contention.locks(&one, after(10_100)));
        for _ in 0..20 {
            contention.conflict(&one, after(10_100));
        }
        assert!(contention.locks(&one, after(20_099)) && !contention.locks(&one, after(20_100)));
        assert!(Contention::new(false).locks(&one, begun));
    }
}
