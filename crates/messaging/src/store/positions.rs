//! The service's own memory of how far it consumed its inputs, and of messages that were deleted before it read them.
//! [`crate::runtime::positions`] compares this memory with the cluster when a shard is taken.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::DatabaseError;
use crate::store::database;

/// The next offset of each partition, by topic and partition.
pub(crate) type Next = HashMap<(Arc<str>, i32), i64>;

/// Advances positions in the statement that fences and claims; $5 to $7: topic, partition and next offset. A partition
/// without a row has none until its shard is taken. A reader that was moved back does not move the position back.
macro_rules! advanced {
    () => {
        "advanced as (update consumed_positions p set next_offset = greatest(p.next_offset, n.next_offset), recorded_at = now()
            from unnest($5::text[], $6::integer[], $7::bigint[]) as n (topic, \"partition\", next_offset)
            where p.topic = n.topic and p.\"partition\" = n.\"partition\" and (select count(*) from held) = cardinality($1))"
    };
}
pub(crate) use advanced;

pub(crate) const LOAD: &str =
    "select topic, \"partition\", topic_id, next_offset, accepted, extract(epoch from now() - recorded_at)::bigint from consumed_positions
     where topic = any($1::text[]) and \"partition\" = any($2::integer[])";

/// Positions as they are from now on. The first id of a topic also counts for the letters that were parked before.
pub(crate) const RECORD: &str = "with now_known as (
        update dead_letters d set topic_id = n.topic_id
        from (select distinct topic, topic_id from unnest($1::text[], $3::uuid[]) as t (topic, topic_id)
              where topic_id <> '00000000-0000-0000-0000-000000000000') n
        where d.topic = n.topic and d.topic_id = '00000000-0000-0000-0000-000000000000'
            and not exists (select from consumed_positions p where p.topic = n.topic and p.topic_id not in (n.topic_id, '00000000-0000-0000-0000-000000000000')))
     insert into consumed_positions (topic, \"partition\", topic_id, next_offset, refused)
     select * from unnest($1::text[], $2::integer[], $3::uuid[], $4::bigint[], $5::text[])
     on conflict (topic, \"partition\") do update set topic_id = excluded.topic_id, next_offset = excluded.next_offset,
        refused = excluded.refused, accepted = null, recorded_at = case
            when excluded.topic_id = consumed_positions.topic_id and excluded.next_offset <= consumed_positions.next_offset
            then consumed_positions.recorded_at else now() end";

/// A compacted partition was looked through: its position is as good as a new one.
pub(crate) const LOOKED_THROUGH: &str =
    "update consumed_positions set recorded_at = now() where topic = $1 and \"partition\" = $2";

/// Why a partition is refused; its position stays. A partition without a row gets one.
pub(crate) const REFUSE: &str =
    "insert into consumed_positions (topic, \"partition\", topic_id, next_offset, refused)
     select * from unnest($1::text[], $2::integer[], $3::uuid[], $4::bigint[], $5::text[])
     on conflict (topic, \"partition\") do update set refused = excluded.refused";

/// Positions as columns for UNNEST.
pub(crate) fn columns(next: &Next) -> (Vec<&str>, Vec<i32>, Vec<i64>) {
    let (mut topics, mut partitions, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
    for ((topic, partition), offset) in next {
        topics.push(&**topic);
        partitions.push(*partition);
        offsets.push(*offset);
    }
    (topics, partitions, offsets)
}

/// A person's answer to a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Read on from the position in the database: what was consumed since then is consumed again.
    Database,
    /// Read on from the group's committed offset: what the database has lost stays lost.
    Group,
}

impl Accepted {
    /// As in the table.
    pub fn name(self) -> &'static str {
        match self {
            Accepted::Database => "database",
            Accepted::Group => "group",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Accepted::Database, Accepted::Group].into_iter().find(|accepted| accepted.name() == name)
    }
}

/// The remembered position of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// Nil: unknown.
    pub(crate) topic_id: Uuid,
    pub(crate) next: i64,
    pub(crate) accepted: Option<Accepted>,
    /// Seconds since the position was written, by the database's clock.
    pub(crate) age: i64,
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    topics: &[&str],
    partitions: &[i32],
) -> Result<Vec<Remembered>, sqlx::Error> {
    let rows: Vec<(String, i32, Uuid, i64, Option<String>, i64)> =
        sqlx::query_as(LOAD).bind(topics).bind(partitions).fetch_all(connection).await?;
    let remembered = rows.into_iter().map(|(topic, partition, topic_id, next, accepted, age)| Remembered {
        topic,
        partition,
        topic_id,
        next,
        accepted: accepted.as_deref().and_then(Accepted::of),
        age,
    });
    Ok(remembered.collect())
}

/// A row to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewPosition {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) topic_id: Uuid,
    pub(crate) next: i64,
    pub(crate) refused: Option<String>,
}

/// `statement`: [`RECORD`] or [`REFUSE`].
pub(crate) async fn write(
    connection: &mut PgConnection,
    statement: &'static str,
    rows: &[NewPosition],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(statement)
        .bind(rows.iter().map(|row| row.topic.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.partition).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.topic_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.next).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.refused.as_deref()).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn looked_through(
    connection: &mut PgConnection,
    topic: &str,
    partition: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query(LOOKED_THROUGH).bind(topic).bind(partition).execute(connection).await?;
    Ok(())
}

/// Messages that were deleted unread. Told again, as after a crash, they stay one row.
pub(crate) const SKIP: &str =
    "insert into skipped_offsets (topic, \"partition\", topic_id, from_offset, end_offset)
     select * from unnest($1::text[], $2::integer[], $3::uuid[], $4::bigint[], $5::bigint[])
     on conflict (topic, \"partition\", topic_id, from_offset)
        do update set end_offset = greatest(skipped_offsets.end_offset, excluded.end_offset)";

/// A range of messages that were deleted unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewSkip<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) topic_id: Uuid,
    pub(crate) from: i64,
    /// Exclusive.
    pub(crate) end: i64,
}

pub(crate) async fn skip(connection: &mut PgConnection, rows: &[NewSkip<'_>]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(SKIP)
        .bind(rows.iter().map(|row| row.topic).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.partition).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.topic_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.from).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.end).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) const REFUSED: &str =
    "select topic, \"partition\", next_offset, refused, accepted from consumed_positions
     where refused is not null order by topic, \"partition\"";

pub(crate) const ACCEPT: &str = "update consumed_positions set accepted = $1 where refused is not null";

pub(crate) const SKIPPED: &str =
    "select topic, \"partition\", from_offset, end_offset, noticed_at from skipped_offsets
     where accepted_at is null order by noticed_at, topic, \"partition\"";

pub(crate) const ACCEPT_SKIPPED: &str =
    "update skipped_offsets set accepted_at = now() where accepted_at is null";

/// What a service says of its positions that a person has to answer. Used with the service's database alone.
pub struct Positions {
    pool: PgPool,
}

/// A partition that the service refuses to read.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RefusedPosition {
    /// The topic's full name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset up to which the database has consumed the partition.
    pub next_offset: i64,
    /// Why the service refuses.
    pub refused: String,
    /// The answer, if there is one that the service has not seen yet: `database` or `group`.
    pub accepted: Option<String>,
}

/// Messages that were deleted from their topic before the service read them.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SkippedOffsets {
    /// The topic's full name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub from_offset: i64,
    /// The offset after the last one.
    pub end_offset: i64,
    /// When the service noticed it, by the database's clock.
    pub noticed_at: OffsetDateTime,
}

impl Positions {
    /// Opens the positions in this database.
    ///
    /// # Errors
    /// The database URL is wrong.
    pub fn open(database_url: &str) -> Result<Self, DatabaseError> {
        Ok(Positions { pool: database::connect(database_url, 1, "positions")? })
    }

    /// The partitions that the service refuses to read.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn refused(&self) -> Result<Vec<RefusedPosition>, sqlx::Error> {
        sqlx::query_as(REFUSED).fetch_all(&self.pool).await
    }

    /// The skipped messages that nobody has accepted yet.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn skipped(&self) -> Result<Vec<SkippedOffsets>, sqlx::Error> {
        sqlx::query_as(SKIPPED).fetch_all(&self.pool).await
    }

    /// Answers every refusal; a running service reads on within seconds. Returns the number of partitions.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn accept(&self, from: Accepted) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query(ACCEPT).bind(from.name()).execute(&self.pool).await?.rows_affected())
    }

    /// Marks the skipped messages as known. Returns the number of ranges.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn accept_skipped(&self) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query(ACCEPT_SKIPPED).execute(&self.pool).await?.rows_affected())
    }
}
