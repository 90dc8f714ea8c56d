//! Redriving: handles the parked events of a key again, in order, through the normal reaction. Any process may request
//! a redrive ([`super::admin`]); the owner of the shard does it between two batches, so that no other event of the key
//! comes between.

use minuet_envelope::Micros;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{OrderingKey, Reason};
use crate::Incoming;

pub(crate) const ASKED: &str = "select id, \"partition\", topic, key, in_order from dead_letters
     where redrive and discarded_at is null and \"partition\" = any($1::integer[]) order by id limit 1";

pub(crate) const GROUP: &str = "select id from dead_letters where in_order and discarded_at is null and topic = $1 and key = $2 order by id";

pub(crate) const LETTER: &str =
    "select topic, \"partition\", \"offset\", key, header_names, header_values, payload, message_time, headers_readable, topic_id, original_bytes, original_hash, inbox_id, parked_at
     from dead_letters where id = $1 and discarded_at is null";

pub(crate) const TAKE: &str = "delete from dead_letters where id = $1 and discarded_at is null";

pub(crate) const FAILED: &str =
    "update dead_letters set attempts = attempts + $2, reason = $3, detail = $4 where id = $1";

pub(crate) const ANSWERED: &str = "update dead_letters set redrive = false where id = any($1::bigint[])";

/// A letter to be redriven, with the letters of its group.
pub(crate) struct RedriveRequest {
    pub(crate) shard: u32,
    /// The ids of one key, in order. A letter that fails again keeps the later ones parked.
    pub(crate) ids: Vec<i64>,
}

impl RedriveRequest {
    /// The first request in these shards.
    pub(crate) async fn next(
        connection: &mut PgConnection,
        shards: &[u32],
    ) -> Result<Option<RedriveRequest>, sqlx::Error> {
        let partitions: Vec<i32> = shards.iter().map(|shard| shard.cast_signed()).collect();
        let Some(row) = sqlx::query(ASKED).bind(partitions).fetch_optional(&mut *connection).await? else {
            return Ok(None);
        };
        let (id, in_order): (i64, bool) = (row.try_get("id")?, row.try_get("in_order")?);
        let partition: i32 = row.try_get("partition")?;
        let ids = match in_order {
            false => vec![id],
            true => {
                let (topic, key): OrderingKey = (row.try_get("topic")?, row.try_get("key")?);
                sqlx::query_scalar(GROUP).bind(topic).bind(key).fetch_all(connection).await?
            }
        };
        Ok(Some(RedriveRequest { shard: partition.unsigned_abs(), ids }))
    }

    pub(crate) async fn answered(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query(ANSWERED).bind(&self.ids).execute(connection).await?;
        Ok(())
    }

    /// Records that this letter stays parked, for this reason, and with it the later ones. Clears the requests in the
    /// same transaction: a person who has seen the reason may ask again, which is another redrive.
    pub(crate) async fn failed(
        &self,
        connection: &mut PgConnection,
        id: i64,
        reason: &Reason,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = connection.begin().await?;
        sqlx::query(FAILED)
            .bind(id)
            .bind(i32::try_from(reason.attempts).unwrap_or(i32::MAX))
            .bind(reason.code.code())
            .bind(reason.storable())
            .execute(&mut *transaction)
            .await?;
        self.answered(&mut transaction).await?;
        transaction.commit().await
    }
}

/// A message that was parked.
pub(crate) struct StoredMessage {
    pub(crate) incoming: Incoming,
    /// The inbox id, if it was claimed when it was parked.
    pub(crate) claimed: Option<Uuid>,
    pub(crate) parked_at: Micros,
}

/// A stored letter. `None`: it was discarded in the meantime.
pub(crate) async fn letter(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<StoredMessage>, sqlx::Error> {
    let row: Option<PgRow> = sqlx::query(LETTER).bind(id).fetch_optional(connection).await?;
    let letter = |row: PgRow| {
        let (claimed, parked_at): (_, OffsetDateTime) = (row.try_get("inbox_id")?, row.try_get("parked_at")?);
        Ok(StoredMessage {
            incoming: super::incoming(&row)?,
            claimed,
            parked_at: Micros::from_datetime(parked_at),
        })
    };
    row.map(letter).transpose()
}

/// Deletes the letter in the transaction that handles its event. `false`: it was discarded or redriven first.
pub(crate) async fn take(connection: &mut PgConnection, id: i64) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query(TAKE).bind(id).execute(connection).await?.rows_affected() > 0)
}
