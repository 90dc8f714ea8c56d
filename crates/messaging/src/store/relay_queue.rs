//! The rows that transactions of this process have committed, for the relay: it sends them from memory.
//!
//! A row is added after the commit, so that the queue never holds an event that may be rolled back. Two tasks may add the
//! rows of one key in the wrong order: the relay compares `ce_sequence` and leaves such rows to the table. So nothing rests
//! on the queue's order or on its completeness. A row that is dropped here stays in the table, where the relay finds it.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::outbox::Row;

/// Upper bounds of the queue. They hold while the broker or the relay is slower than the transactions: then the relay
/// reads the table, as after a start.
const MAX_ROWS: usize = 4_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A committed row, with the epoch under which this instance held its shard at that time.
#[derive(Debug)]
pub(crate) struct CommittedRow {
    pub(crate) row: Row,
    pub(crate) shard: u32,
    pub(crate) epoch: i64,
}

#[derive(Default)]
pub(crate) struct RelayQueue(Mutex<State>);

#[derive(Default)]
struct State {
    /// Without a relay nothing is kept.
    is_open: bool,
    rows: VecDeque<CommittedRow>,
    bytes: usize,
    /// Rows were committed that are not in the queue.
    must_read: bool,
}

impl RelayQueue {
    /// A relay runs.
    pub(crate) fn open(&self) {
        self.0.lock().is_open = true;
    }

    /// The relay has ended.
    pub(crate) fn close(&self) {
        *self.0.lock() = State::default();
    }

    /// Adds rows after their commit. Rows beyond the bounds are left to the table.
    pub(crate) fn add(&self, rows: impl IntoIterator<Item = CommittedRow>) {
        let mut state = self.0.lock();
        if !state.is_open {
            return;
        }
        for row in rows {
            let bytes = row.row.bytes();
            if state.rows.len() >= MAX_ROWS || state.bytes + bytes > MAX_BYTES {
                state.must_read = true;
                return;
            }
            state.bytes += bytes;
            state.rows.push_back(row);
        }
    }

    /// Rows were committed that cannot be sent from memory: the relay reads the table.
    pub(crate) fn leave_to_the_table(&self) {
        self.0.lock().must_read = true;
    }

    /// The first rows, and whether the table has rows that never came here.
    pub(crate) fn take(&self, most: usize) -> (Vec<CommittedRow>, bool) {
        let mut state = self.0.lock();
        let count = state.rows.len().min(most);
        let rows: Vec<CommittedRow> = state.rows.drain(..count).collect();
        state.bytes -= rows.iter().map(|row| row.row.bytes()).sum::<usize>();
        (rows, std::mem::take(&mut state.must_read))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::store::stored_headers::StoredHeaders;

    fn row(id: i64, bytes: usize) -> CommittedRow {
        let row = Row {
            id,
            created_at: OffsetDateTime::UNIX_EPOCH,
            topic: "orders.events".to_owned(),
            key: "k".to_owned(),
            headers: StoredHeaders::from_row(String::new()),
            payload: vec![0; bytes],
        };
        CommittedRow { row, shard: 0, epoch: 1 }
    }

    fn ids(rows: &[CommittedRow]) -> Vec<i64> {
        rows.iter().map(|row| row.row.id).collect()
    }

    #[test]
    fn rows_leave_in_the_order_in_which_they_came() {
        let queue = RelayQueue::default();
        queue.open();
        queue.add([row(1, 1), row(2, 1)]);
        queue.add([row(3, 1)]);
        let (rows, must_read) = queue.take(2);
        assert_eq!((ids(&rows), must_read), (vec![1, 2], false));
        assert!(!queue.is_empty());
        assert_eq!(ids(&queue.take(2).0), [3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn rows_beyond_the_bounds_are_left_to_the_table() {
        let queue = RelayQueue::default();
        queue.open();
        queue.add([row(1, MAX_BYTES - 100), row(2, 1_000)]);
        queue.add((3..).take(MAX_ROWS + 1).map(|id| row(id, 0)));
        let (rows, must_read) = queue.take(usize::MAX);
        assert_eq!((rows.len(), must_read), (MAX_ROWS, true));
        assert!(ids(&rows).iter().all(|id| *id != 2));
        queue.add([row(9, MAX_BYTES - 100)]);
        let (rows, must_read) = queue.take(1);
        assert_eq!((ids(&rows), must_read), (vec![9], false), "the bytes of taken rows do not count");
    }

    #[test]
    fn nothing_is_kept_where_no_relay_runs() {
        let queue = RelayQueue::default();
        queue.add([row(1, 1)]);
        assert!(queue.is_empty());
        queue.open();
        queue.add([row(2, 1)]);
        queue.close();
        queue.add([row(3, 1)]);
        assert!(queue.is_empty());
    }
}
