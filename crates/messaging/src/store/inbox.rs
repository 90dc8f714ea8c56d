//! Who has been here before: one row per event that was processed, its id made of (`ce_source`, `ce_id`).

pub(crate) mod prune;

use std::collections::HashSet;

use minuet_envelope::Micros;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::shards::{self, Fenced, held, something_waits};

/// A fence ([`shards::FENCE`]) that claims the ids if all of the shards are ours: one round trip for both.
pub(crate) const CLAIM: &str = concat!(
    "with ",
    held!(),
    ", claimed as (insert into inbox (id, claimed_on)
        select id, $4 from unnest($3::uuid[]) id where (select count(*) from held) = cardinality($1)
        on conflict do nothing returning id)
     select array(select shard from held), ",
    something_waits!(),
    ", array(select id from claimed)"
);

/// Fences the transaction and claims the ids for it. Answers with those that nobody had claimed before; with none, if a shard
/// is lost.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    believed: &[(u32, i64)],
    ids: &[Uuid],
    now: Micros,
) -> Result<(Fenced, HashSet<Uuid>), sqlx::Error> {
    // Whoever claims nothing does not wait for the inbox either.
    if ids.is_empty() {
        return Ok((shards::fence(connection, believed).await?, HashSet::new()));
    }
    let (numbers, epochs) = shards::columns(believed);
    let today = now.to_datetime().date();
    let claiming = sqlx::query_as(CLAIM).bind(numbers).bind(epochs).bind(ids).bind(today);
    let (ours, something_waits, fresh): (_, _, Vec<Uuid>) = claiming.fetch_one(connection).await?;
    Ok((Fenced::of(believed, ours, something_waits), fresh.into_iter().collect()))
}
