//! The outbox. Ids are drawn after the aggregates' rows are locked, so that within one key the order of ids is the
//! order of transactions. Rows of other keys may commit later with a lower id; so a reader starts from the lowest row
//! each time and keeps no cursor.

use minuet_envelope::partition;
use sqlx::postgres::PgRow;
use sqlx::prelude::FromRow;
use sqlx::{PgConnection, Row as _};
use time::OffsetDateTime;

use super::acknowledged::RowId;
use super::stored_headers::StoredHeaders;

pub(crate) const APPEND: &str = "insert into outbox (shard, topic, key, headers, payload)
     select * from unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::bytea[]) returning id";
/// The number of its arguments.
pub(crate) const APPEND_ARGUMENTS: usize = 5;

/// Deletes rows that were committed by this process and acknowledged: $1, $2 are the columns of
/// [`Deleting`](super::acknowledged::Deleting). Whichever instance owns their shard by now would only repeat them.
pub(crate) const DELETE_ACKNOWLEDGED: &str =
    "delete from outbox where id = any($1::bigint[]) and created_at = any($2::timestamptz[])";

/// The header of an event's sequence.
const SEQUENCE: &str = "ce_sequence";

/// The lowest rows of the held shards, without blocked lanes. $2: the topic of the dead letters; $3: blocked keys on it;
/// $4: blocked keys of all other topics.
pub(crate) const NEXT: &str = "select id, created_at, topic, key, headers, payload from outbox
     where shard = any($1::smallint[]) and not (key = any($3::text[]) and topic = $2) and not (key = any($4::text[]) and topic <> $2)
     order by id limit $5";

/// $1: ids of acknowledged rows of one read; $2: the time at which the youngest was created. Deletes them unless another
/// instance has taken their shard. After a restore of the database, a younger row may have one of the ids.
pub(crate) const DELETE: &str =
    "delete from outbox o using unnest($3::smallint[], $4::bigint[]) as held (shard, epoch), shards s
     where o.id = any($1::bigint[]) and o.created_at <= $2
       and o.shard = held.shard and s.shard = held.shard and s.epoch = held.epoch";

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) headers: StoredHeaders,
    pub(crate) payload: Vec<u8>,
}

impl Row {
    pub(crate) fn row_id(&self) -> RowId {
        (self.id, self.created_at)
    }

    /// The event's `ce_sequence`.
    pub(crate) fn sequence(&self) -> Option<i64> {
        self.headers.get(SEQUENCE)?.parse().ok()
    }

    /// The size in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.payload.len() + self.headers.as_str().len()
    }
}

/// By position, not by name: the relay reads many rows.
impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Row {
            id: row.try_get(0)?,
            created_at: row.try_get(1)?,
            topic: row.try_get(2)?,
            key: row.try_get(3)?,
            headers: StoredHeaders::from_row(row.try_get(4)?),
            payload: row.try_get(5)?,
        })
    }
}

pub(crate) fn shard_of(key: &str, partitions: u32) -> u32 {
    partition::shard(key.as_bytes(), partitions)
}

/// An encoded event.
pub(crate) struct NewRow<'a> {
    pub(crate) shard: i16,
    pub(crate) topic: &'a str,
    pub(crate) key: &'a str,
    pub(crate) headers: StoredHeaders,
    pub(crate) payload: Vec<u8>,
}

impl NewRow<'_> {
    /// The row as it was committed.
    pub(crate) fn committed(self, (id, created_at): RowId) -> Row {
        let NewRow { topic, key, headers, payload, .. } = self;
        Row { id, created_at, topic: topic.to_owned(), key: key.to_owned(), headers, payload }
    }
}

/// New rows as columns for UNNEST: the arguments of [`APPEND`].
#[derive(Default)]
pub(crate) struct Columns<'a> {
    pub(crate) shards: Vec<i16>,
    pub(crate) topics: Vec<&'a str>,
    pub(crate) keys: Vec<&'a str>,
    pub(crate) headers: Vec<&'a str>,
    pub(crate) payloads: Vec<&'a [u8]>,
}

pub(crate) fn columns<'a>(rows: &'a [NewRow<'_>]) -> Columns<'a> {
    let mut columns = Columns::default();
    for row in rows {
        columns.shards.push(row.shard);
        columns.topics.push(row.topic);
        columns.keys.push(row.key);
        columns.headers.push(row.headers.as_str());
        columns.payloads.push(row.payload.as_slice());
    }
    columns
}

/// Appends the rows in the given order.
pub(crate) async fn append(connection: &mut PgConnection, rows: &[NewRow<'_>]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let Columns { shards, topics, keys, headers, payloads } = columns(rows);
    sqlx::query(APPEND)
        .bind(shards)
        .bind(topics)
        .bind(keys)
        .bind(headers)
        .bind(payloads)
        .execute(connection)
        .await?;
    Ok(())
}
