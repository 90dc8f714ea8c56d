use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Standing;
use crate::observe::health::Stall;
use crate::store::acknowledged::RowId;
use crate::store::connections::{Connections, STATEMENT_TIMEOUT, within};
use crate::store::shards;

/// The lowest row of each of these shards: (shard, id, topic, key). Bounded as the gauges are.
pub(crate) const STANDING: &str = "select distinct on (shard) shard, id, topic, key
     from (select shard, id, topic, key from outbox order by id limit 100000) first
     where shard = any($1::smallint[]) order by shard, id";

/// A refused row is tried again every few seconds. One that was not tried for so long is gone.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

pub(crate) type Row = (i16, i64, String, String);

/// The rows that the broker refuses, such as too large ones, and why.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<i64, (Instant, String)>>);

impl Refusals {
    pub(crate) fn refused(&self, id: i64, why: String) {
        let mut rows = self.0.lock();
        rows.retain(|_, (at, _)| at.elapsed() < FORGOTTEN_AFTER);
        rows.insert(id, (Instant::now(), why));
    }

    pub(crate) fn published(&self, published: &[RowId]) {
        let mut rows = self.0.lock();
        if !rows.is_empty() {
            rows.retain(|id, _| !published.iter().any(|row| row.0 == *id));
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().values().filter(|(at, _)| at.elapsed() < FORGOTTEN_AFTER).count()
    }

    fn why(&self, id: i64) -> Option<String> {
        self.0.lock().get(&id).map(|(_, why)| why.clone())
    }
}

pub(crate) async fn look(connections: &Connections, held: &[(u32, i64)]) -> Result<Vec<Row>, sqlx::Error> {
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let (numbers, _) = shards::columns(held);
    let mut connection = connections.get().await?;
    let asked = sqlx::query_as(STANDING).bind(numbers);
    let rows = within(STATEMENT_TIMEOUT, asked.fetch_all(&mut *connection)).await;
    connections.put_back(connection, &rows);
    rows
}

pub(crate) struct Outbox {
    bound: Duration,
    standing: Standing<i16>,
    unseen_since: Option<Instant>,
}

impl Outbox {
    pub(crate) fn new(bound: Duration) -> Self {
        Outbox { bound, standing: Standing::new(), unseen_since: None }
    }

    pub(crate) fn stalls(
        &mut self,
        now: Instant,
        rows: Result<Vec<Row>, sqlx::Error>,
        full_name: impl Fn(&str) -> String,
        refusals: &Refusals,
    ) -> Vec<Stall> {
        let Ok(rows) = rows else {
            let age = now.saturating_duration_since(*self.unseen_since.get_or_insert(now));
            let detail =
                "the database does not say what is in the outbox: a lock on the table, or a slow disk";
            return if age >= self.bound { vec![Stall::new("outbox", age, detail)] } else { Vec::new() };
        };
        self.unseen_since = None;
        self.standing.keep(|shard| rows.iter().any(|row| row.0 == *shard));
        let mut stalls = Vec::new();
        for (shard, id, topic, key) in rows {
            let age = now.saturating_duration_since(self.standing.since(shard, id, now));
            if age >= self.bound {
                let mut detail = format!("row {id} of the outbox, of key {key:?}, is not published");
                if let Some(why) = refusals.why(id) {
                    detail =
                        format!("{detail}: the broker refuses it ({why}), and later events of its key wait");
                }
                stalls.push(Stall::new("outbox", age, detail).at(full_name(&topic), i32::from(shard)));
            }
        }
        stalls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(30);

    fn row(shard: i16, id: i64) -> Row {
        (shard, id, "orders.events".to_owned(), "k".to_owned())
    }

    fn details(stalls: &[Stall]) -> Vec<&str> {
        stalls.iter().map(|stall| stall.detail.as_str()).collect()
    }

    #[test]
    fn a_shard_stands_if_its_lowest_row_does() {
        let (start, mut outbox, refusals) = (Instant::now(), Outbox::new(BOUND), Refusals::default());
        refusals.refused(7, "Message size too large".to_owned());
        let mut look = |second: u64, rows: Vec<Row>| {
            let now = start + Duration::from_secs(second);
            outbox.stalls(now, Ok(rows), |topic| format!("p.{topic}"), &refusals)
        };
        assert_eq!(look(0, vec![row(0, 5), row(1, 7)]), []);
        let stalls = look(30, vec![row(0, 6), row(1, 7)]);
        assert_eq!((stalls[0].topic.as_deref(), stalls[0].partition), (Some("p.orders.events"), Some(1)));
        assert!(stalls[0].detail.contains("row 7") && stalls[0].detail.contains("too large"), "{stalls:?}");
        assert_eq!(look(59, vec![row(0, 6)]), [], "the refused one is gone, the other is young");
        assert_eq!(details(&look(60, vec![row(0, 6)])).len(), 1);
        assert_eq!(look(61, vec![]), []);
        assert_eq!(look(95, vec![row(0, 6)]), [], "it was empty in between");
    }

    #[test]
    fn an_outbox_that_cannot_be_seen_is_named() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(BOUND));
        let mut look = |second: u64, rows| {
            let now = start + Duration::from_secs(second);
            outbox.stalls(now, rows, str::to_owned, &Refusals::default()).len()
        };
        let away = || Err(sqlx::Error::PoolTimedOut);
        assert_eq!([look(0, away()), look(29, away()), look(30, away())], [0, 0, 1]);
        assert_eq!([look(31, Ok(vec![])), look(32, away()), look(61, away())], [0, 0, 0]);
    }
}
