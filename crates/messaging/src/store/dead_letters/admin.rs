//! The statements of [`super::DeadLetters`].

use sqlx::prelude::FromRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use time::OffsetDateTime;

use crate::Incoming;

pub(crate) const LIST: &str = "select id, topic, \"partition\", \"offset\", key, reason, detail, attempts, parked_at, in_order, redrive, discarded_at, discarded_by, discard_reason
     from dead_letters where id > $1 and ($2 or discarded_at is null) and ($4::text is null or reason = $4) and ($5::bytea is null or key = $5)
     order by id limit $3";

pub(crate) const ONE: &str = "select id, topic, \"partition\", \"offset\", key, reason, detail, attempts, parked_at, in_order, redrive, discarded_at, discarded_by, discard_reason,
        header_names, header_values, payload, message_time, headers_readable, topic_id, original_bytes, original_hash
     from dead_letters where id = $1";

/// With the letters that wait for the same key.
pub(crate) const REQUEST: &str = "update dead_letters d set redrive = true from dead_letters asked
     where asked.id = $1 and asked.discarded_at is null and d.discarded_at is null
     and (d.id = asked.id or (asked.in_order and d.in_order and d.topic = asked.topic and d.key = asked.key)) returning d.id";

/// The letters among these that still exist.
pub(crate) const OPEN: &str = "select id, topic, \"partition\", \"offset\", key, reason, detail, attempts, parked_at, in_order, redrive, discarded_at, discarded_by, discard_reason
     from dead_letters where id = any($1::bigint[]) order by id";

/// Blocks new batches of the shard; they see the change when they continue.
pub(crate) const LOCK: &str = "select s.epoch from shards s join dead_letters d on s.shard = d.\"partition\" where d.id = $1 for update of s";

pub(crate) const DISCARD: &str =
    "update dead_letters set discarded_at = now(), discarded_by = $2, discard_reason = $3, redrive = false
     where id = $1 and discarded_at is null";

/// The number of letters that wait for the key of a letter, without itself.
pub(crate) const BEHIND: &str = "select count(*) from dead_letters d join dead_letters of_key on d.topic = of_key.topic and d.key = of_key.key
     where of_key.id = $1 and d.id <> $1 and d.in_order and of_key.in_order and d.discarded_at is null";

/// Selects dead letters for a list.
#[derive(Clone, Debug)]
pub struct DeadLetterFilter {
    /// Only letters with a higher id.
    pub after: i64,
    /// Include discarded letters.
    pub discarded_too: bool,
    /// Maximum number of letters.
    pub limit: u32,
    /// Only letters with this reason code.
    pub reason: Option<String>,
    /// Only letters with this key.
    pub key: Option<String>,
}

/// A parked event, without its bytes.
#[derive(Debug, FromRow)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) attempts: i32,
    pub(crate) parked_at: OffsetDateTime,
    pub(crate) in_order: bool,
    pub(crate) redrive: bool,
    pub(crate) discarded_at: Option<OffsetDateTime>,
    pub(crate) discarded_by: Option<String>,
    pub(crate) discard_reason: Option<String>,
}

/// Lists letters in the order of parking.
pub(crate) async fn list(
    connection: &mut PgConnection,
    which: &DeadLetterFilter,
) -> Result<Vec<Row>, sqlx::Error> {
    let DeadLetterFilter { after, discarded_too, limit, reason, key } = which;
    let query = sqlx::query_as(LIST).bind(after).bind(discarded_too).bind(i64::from(*limit));
    query.bind(reason).bind(key.as_deref().map(str::as_bytes)).fetch_all(connection).await
}

pub(crate) async fn one(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<(Row, Incoming)>, sqlx::Error> {
    let row = sqlx::query(ONE).bind(id).fetch_optional(connection).await?;
    row.map(|row| Ok((Row::from_row(&row)?, super::incoming(&row)?))).transpose()
}

/// Requests a redrive. Returns the ids of the affected letters; none if the id does not exist or is discarded.
pub(crate) async fn request(connection: &mut PgConnection, id: i64) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(REQUEST).bind(id).fetch_all(connection).await
}

/// The letters among these that have not taken effect.
pub(crate) async fn open(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(OPEN).bind(ids).fetch_all(connection).await
}

/// Discards the event and records who did so. Returns the number of letters that still wait for its key. `None`: the id
/// does not exist or is discarded already.
pub(crate) async fn discard(
    connection: &mut PgConnection,
    id: i64,
    by: &str,
    why: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query(LOCK).bind(id).fetch_optional(&mut *transaction).await?;
    let done = sqlx::query(DISCARD).bind(id).bind(by).bind(why).execute(&mut *transaction).await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    let behind = sqlx::query(BEHIND).bind(id).fetch_one(&mut *transaction).await?.try_get(0)?;
    transaction.commit().await?;
    Ok(Some(behind))
}
