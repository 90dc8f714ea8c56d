//! Which connections are open, and which one makes room for the next.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::activity::{Activity, ClientTimeouts};

/// Beyond the bound, for health and meters: a server that is full must still say so.
const RESERVED: usize = 16;
/// Where the system does not say how many files a process may open: Linux's usual limit.
const USUAL_OPEN_FILES: u64 = 1_024;

/// The connections of several servers, with one bound for all.
///
/// At the bound, a new connection takes the place of the one whose client is waited for longest, on the server with most such
/// connections. A request that was received whole is never cut off for that.
pub struct Connections {
    max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_id: HashMap<u64, Entry>,
}

struct Entry {
    server: u64,
    activity: Arc<Activity>,
    stop: CancellationToken,
}

impl Connections {
    /// At most `max`, and a few more for health.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Connections { max, open: Mutex::default() })
    }

    /// Those of all servers of this process. Half of the files that it may open: the rest is for its own connections to other
    /// servers, of which a request may need one.
    pub fn of_this_process() -> Arc<Self> {
        static CONNECTIONS: LazyLock<Arc<Connections>> = LazyLock::new(|| {
            let files = rlimit::Resource::NOFILE.get_soft().unwrap_or(USUAL_OPEN_FILES);
            Connections::new(usize::try_from(files / 2).unwrap_or(usize::MAX))
        });
        Arc::clone(&CONNECTIONS)
    }

    /// A number that tells a server's connections from those of others.
    pub(super) fn server(&self) -> u64 {
        let mut open = self.open.lock();
        open.next += 1;
        open.next
    }

    /// `None`: every place is taken by a request that is being answered.
    pub(super) fn admit(self: &Arc<Self>, server: u64) -> Option<Admitted> {
        let mut open = self.open.lock();
        let mut reserved = false;
        while open.by_id.len() >= self.max {
            let Some(id) = open.waits_longest() else {
                if open.by_id.len() >= self.max + RESERVED {
                    return None;
                }
                reserved = true;
                break;
            };
            if open.by_id.get(&id).is_some_and(|entry| entry.activity.displace())
                && let Some(entry) = open.by_id.remove(&id)
            {
                debug!("connection made room for another");
                entry.stop.cancel();
            }
        }
        open.next += 1;
        let id = open.next;
        let (activity, stop) = (Arc::new(Activity::new()), CancellationToken::new());
        open.by_id.insert(id, Entry { server, activity: Arc::clone(&activity), stop: stop.clone() });
        Some(Admitted { id, reserved, activity, stop, connections: Arc::clone(self) })
    }

    /// Closes the connections of a server whose clients are too slow.
    pub(super) fn close_overdue(&self, server: u64, timeouts: &ClientTimeouts, now: Instant) {
        let open = self.open.lock();
        for entry in open.by_id.values().filter(|entry| entry.server == server) {
            if let Some(part) = entry.activity.close_overdue(timeouts, now) {
                debug!(awaited = part, "connection of a slow client was closed");
                entry.stop.cancel();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.lock().by_id.len()
    }
}

impl Open {
    fn waits_longest(&self) -> Option<u64> {
        let waiting = |(id, entry): (&u64, &Entry)| {
            entry.activity.waits_for_client_since().map(|since| (entry.server, since, *id))
        };
        let mut per_server: HashMap<u64, (usize, Instant, u64)> = HashMap::new();
        for (server, since, id) in self.by_id.iter().filter_map(waiting) {
            let (count, oldest, longest) = per_server.entry(server).or_insert((0, since, id));
            *count += 1;
            if since < *oldest {
                (*oldest, *longest) = (since, id);
            }
        }
        per_server.into_values().max_by_key(|(count, ..)| *count).map(|(_, _, id)| id)
    }
}

/// The place of one connection. It is free again once this is dropped.
pub(super) struct Admitted {
    id: u64,
    /// Only for health and meters.
    pub(super) reserved: bool,
    pub(super) activity: Arc<Activity>,
    /// Cancelled: close the connection.
    pub(super) stop: CancellationToken,
    connections: Arc<Connections>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.open.lock().by_id.remove(&self.id);
    }
}
