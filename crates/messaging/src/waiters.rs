use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Interval between queries: commits of other instances send no notification.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// HTTP requests that wait for a commit about a key.
pub struct Waiters<K> {
    notifiers: Mutex<HashMap<K, Arc<Notify>>>,
}

impl<K> Default for Waiters<K> {
    fn default() -> Self {
        Waiters { notifiers: Mutex::new(HashMap::new()) }
    }
}

impl<K: Clone + Eq + Hash> Waiters<K> {
    /// Notifies the requests that wait for these keys. Call it after a commit.
    pub fn wake<'a>(&self, keys: impl IntoIterator<Item = &'a K>)
    where
        K: 'a,
    {
        let notifiers = self.notifiers.lock();
        if notifiers.is_empty() {
            return;
        }
        for key in keys {
            if let Some(notifier) = notifiers.get(key) {
                notifier.notify_waiters();
            }
        }
    }

    /// Calls `find` until it returns `Some` or `limit` has passed: once at the start, at each commit about the key, and
    /// every 100 ms. `None`: the time is over.
    ///
    /// # Errors
    /// The first error of `find`.
    pub async fn wait<T, E, F>(
        &self,
        key: &K,
        limit: Duration,
        mut find: impl FnMut() -> F,
    ) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        let until = tokio::time::Instant::now() + limit;
        let guard = Registration { waiters: self, key: key.clone(), notifier: self.notifier(key) };
        loop {
            let notified = guard.notifier.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(found) = find().await? {
                return Ok(Some(found));
            }
            if tokio::time::Instant::now() >= until {
                return Ok(None);
            }
            tokio::select! {
                () = notified => {}
                () = tokio::time::sleep_until(until.min(tokio::time::Instant::now() + POLL_INTERVAL)) => {}
            }
        }
    }

    fn notifier(&self, key: &K) -> Arc<Notify> {
        let mut notifiers = self.notifiers.lock();
        Arc::clone(notifiers.entry(key.clone()).or_default())
    }
}

/// Removes the key's notifier on drop, also when the HTTP client has disconnected.
struct Registration<'a, K: Eq + Hash> {
    waiters: &'a Waiters<K>,
    key: K,
    notifier: Arc<Notify>,
}

impl<K: Eq + Hash> Drop for Registration<'_, K> {
    fn drop(&mut self) {
        let mut notifiers = self.waiters.notifiers.lock();
        // Two references (the map's and this one): no other request waits.
        if Arc::strong_count(&self.notifier) == 2 {
            notifiers.remove(&self.key);
        }
    }
}
