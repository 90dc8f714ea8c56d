//! Who has been here before: one row per event that was processed, its id made of (`ce_source`, `ce_id`).

pub(crate) mod tidy;

use std::collections::HashSet;

use minuet_events::values::Micros;
use sqlx::PgConnection;
use uuid::Uuid;

pub(crate) const CLAIM: &str =
    "insert into inbox (id, claimed_on) select unnest($1::uuid[]), $2 on conflict do nothing returning id";

/// Claims the ids for this transaction; answers with those that nobody had claimed before.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    ids: &[Uuid],
    now: Micros,
) -> Result<HashSet<Uuid>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let today = now.to_datetime().date();
    let fresh: Vec<Uuid> = sqlx::query_scalar(CLAIM).bind(ids).bind(today).fetch_all(connection).await?;
    Ok(fresh.into_iter().collect())
}
