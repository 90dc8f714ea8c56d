//! The outbox. Ids are drawn after the aggregates' rows are locked, so that within one key the order of ids is the
//! order of transactions. Rows of other keys may commit later with a lower id; so a reader starts from the lowest row
//! each time and keeps no cursor.

use minuet_envelope::partition;
use sqlx::postgres::PgRow;
use sqlx::prelude::FromRow;
use sqlx::{PgConnection, Row as _};

use super::stored_headers::StoredHeaders;

pub(crate) const APPEND: &str = "insert into outbox (shard, topic, key, headers, payload)
     select * from unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::bytea[])";

/// The lowest rows of the held shards, without blocked lanes. $2: the topic of the dead letters; $3: blocked keys on it;
/// $4: blocked keys of all other topics.
pub(crate) const NEXT: &str = "select id, topic, key, headers, payload from outbox
     where shard = any($1::smallint[]) and not (key = any($3::text[]) and topic = $2) and not (key = any($4::text[]) and topic <> $2)
     order by id limit $5";

/// $1: acknowledged rows. Deletes them unless another instance has taken their shard.
pub(crate) const DELETE: &str = "delete from outbox o using unnest($2::smallint[], $3::bigint[]) as held (shard, epoch), shards s
     where o.id = any($1::bigint[]) and o.shard = held.shard and s.shard = held.shard and s.epoch = held.epoch";

/// The acknowledged rows that still exist. $1, $2: their ids and headers. After a restore of the database, an id may
/// belong to another event, which the headers name.
pub(crate) const STILL_THERE: &str =
    "select o.id from unnest($1::bigint[], $2::text[]) as acknowledged (id, headers)
     join outbox o on o.id = acknowledged.id and o.headers = acknowledged.headers";

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) headers: StoredHeaders,
    pub(crate) payload: Vec<u8>,
}

/// By position, not by name: the relay reads many rows.
impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Row {
            id: row.try_get(0)?,
            topic: row.try_get(1)?,
            key: row.try_get(2)?,
            headers: StoredHeaders::from_row(row.try_get(3)?),
            payload: row.try_get(4)?,
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
