//! The rows that the broker has acknowledged and that are still in the table. The next transaction that appends to the
//! outbox deletes them in the same statement; the relay deletes them where there is none.
//!
//! The time at which a row was created tells it from the row that has its id after the database was put back to an earlier
//! state.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use time::OffsetDateTime;

/// Upper bound of rows that one statement deletes beside its own work.
const MAX_ROWS: usize = 1_000;

/// The id of a row, and the time at which it was created.
pub(crate) type RowId = (i64, OffsetDateTime);

#[derive(Clone, Default)]
pub(crate) struct Acknowledged(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: Vec<RowId>,
    /// The waiting rows, and those that a statement deletes now: a read may still see them.
    undeleted: HashSet<RowId>,
}

impl Acknowledged {
    pub(crate) fn add(&self, rows: &[RowId]) {
        let mut state = self.0.lock();
        state.waiting.extend(rows);
        state.undeleted.extend(rows);
    }

    /// The rows that a read of the table may see although they were acknowledged.
    pub(crate) fn undeleted(&self) -> HashSet<RowId> {
        self.0.lock().undeleted.clone()
    }

    /// Rows to be deleted now, at most 1,000. They are waiting again unless [`Deleting::done`] is called.
    pub(crate) fn take(&self) -> Deleting {
        let mut state = self.0.lock();
        let count = state.waiting.len().min(MAX_ROWS);
        let rows = state.waiting.drain(..count).collect();
        drop(state);
        Deleting { of: self.clone(), rows }
    }
}

/// Rows that a statement deletes.
pub(crate) struct Deleting {
    of: Acknowledged,
    rows: Vec<RowId>,
}

impl Deleting {
    /// For a statement that deletes nothing.
    pub(crate) fn nothing() -> Self {
        Deleting { of: Acknowledged::default(), rows: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The ids, and the different times: the arguments of [`DELETE_ACKNOWLEDGED`](super::outbox::DELETE_ACKNOWLEDGED), which
    /// compares each row with each time. The rows of a transaction have one.
    pub(crate) fn columns(&self) -> (Vec<i64>, Vec<OffsetDateTime>) {
        let (ids, mut times): (Vec<i64>, Vec<OffsetDateTime>) = self.rows.iter().copied().unzip();
        times.sort_unstable();
        times.dedup();
        (ids, times)
    }

    /// The statement has committed.
    pub(crate) fn done(mut self) {
        let rows = std::mem::take(&mut self.rows);
        let mut state = self.of.0.lock();
        for row in rows {
            state.undeleted.remove(&row);
        }
    }
}

impl Drop for Deleting {
    fn drop(&mut self) {
        if !self.rows.is_empty() {
            self.of.0.lock().waiting.append(&mut self.rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64) -> RowId {
        (id, OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn rows_of_a_statement_that_did_not_commit_are_deleted_later() {
        let acknowledged = Acknowledged::default();
        acknowledged.add(&[row(1), row(2)]);
        let failed = acknowledged.take();
        assert_eq!(failed.columns().0, [1, 2]);
        assert!(acknowledged.take().is_empty(), "they are being deleted");
        drop(failed);
        acknowledged.add(&[row(3)]);
        let committed = acknowledged.take();
        assert_eq!(acknowledged.undeleted().len(), 3, "a read may see them until the commit");
        let mut ids = committed.columns().0;
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3]);
        committed.done();
        assert!(acknowledged.undeleted().is_empty() && acknowledged.take().is_empty());
    }

    #[test]
    fn one_statement_deletes_a_bounded_number() {
        let acknowledged = Acknowledged::default();
        acknowledged.add(&(0..1_500).map(row).collect::<Vec<_>>());
        let (first, second) = (acknowledged.take(), acknowledged.take());
        assert_eq!((first.columns().0.len(), second.columns().0.len()), (MAX_ROWS, 500));
        assert_eq!(first.columns().1.len(), 1, "all rows have one time");
    }
}
