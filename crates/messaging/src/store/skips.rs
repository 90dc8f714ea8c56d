//! A person's decisions to skip a batch of records that cannot be unpacked.

use sqlx::{PgConnection, PgPool};

use crate::Position;

pub(crate) const REQUEST: &str =
    "insert into skipped_batches (topic, \"partition\", \"offset\", until_offset, requested_by, reason)
     values ($1, $2, $3, $4, $5, $6)";

pub(crate) const OPEN: &str = "select id, until_offset, requested_by from skipped_batches
     where topic = $1 and \"partition\" = $2 and \"offset\" = $3 and skipped_at is null order by id limit 1";

/// Records the skip. The remembered position moves with it: otherwise the group would seem to know more than the database.
pub(crate) const SKIPPED: &str = "with skipped as (
        update skipped_batches set until_offset = $2, skipped_at = now() where id = $1 returning topic, \"partition\")
     update consumed_positions p set next_offset = greatest(p.next_offset, $2), recorded_at = now()
     from skipped s where p.topic = s.topic and p.\"partition\" = s.\"partition\"";

/// An open request.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Skip {
    pub(crate) id: i64,
    /// The first offset after the batch, if the person named it.
    #[sqlx(rename = "until_offset")]
    pub(crate) until: Option<i64>,
    #[sqlx(rename = "requested_by")]
    pub(crate) by: String,
}

/// Asks a service to skip the batch that it cannot unpack. `position`: where the service stands, as its readiness says;
/// `until`: the first offset after the batch, if it is known. Nothing happens unless the service stands there and cannot
/// read on.
///
/// # Errors
/// The database cannot be reached, or refuses: `until` must be above the position's offset.
pub async fn request_skip(
    pool: &PgPool,
    position: &Position,
    until: Option<i64>,
    by: &str,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(REQUEST)
        .bind(&*position.topic)
        .bind(position.partition)
        .bind(position.offset)
        .bind(until)
        .bind(by)
        .bind(reason)
        .execute(pool)
        .await?;
    Ok(())
}

pub(crate) async fn open(connection: &mut PgConnection, at: &Position) -> Result<Option<Skip>, sqlx::Error> {
    sqlx::query_as(OPEN).bind(&*at.topic).bind(at.partition).bind(at.offset).fetch_optional(connection).await
}

pub(crate) async fn skipped(
    connection: &mut PgConnection,
    skip: &Skip,
    until: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(SKIPPED).bind(skip.id).bind(until).execute(connection).await?;
    Ok(())
}
