//! The inbox: one row per processed event, its id derived from (`ce_source`, `ce_id`).

pub(crate) mod prune;

use std::collections::HashSet;

use minuet_envelope::Micros;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::positions::{self, Next, advanced};
use crate::store::shards::{self, Fenced, held, something_waits};

/// What a transaction writes with its fence.
#[derive(Clone, Copy, Default)]
pub(crate) struct Claims<'a> {
    /// The inbox ids of the messages.
    pub(crate) ids: &'a [Uuid],
    /// The positions after the messages.
    pub(crate) next: Option<&'a Next>,
}

/// Claims the ids and records the positions if all shards are held.
macro_rules! claimed {
    () => {
        concat!(
            held!(),
            ", claimed as (insert into inbox (id, claimed_on)
        select id, $4 from unnest($3::uuid[]) id where (select count(*) from held) = cardinality($1)
        on conflict do nothing returning id), ",
            advanced!()
        )
    };
}

/// Part of a statement that commits by itself: fence, claims and positions, with [`ARGUMENTS`] arguments.
pub(crate) const CLAIMED: &str = claimed!();
/// The arguments of [`CLAIMED`] and [`WAITS`].
pub(crate) const ARGUMENTS: usize = 9;
/// An earlier transaction has claimed one of the ids.
pub(crate) const IS_CLAIMED_BEFORE: &str = "(select count(*) from claimed) <> cardinality($3::uuid[])";
/// One of the keys waits behind a parked event: $8 and $9 are topics and keys. The index is normally empty, so one look is enough.
pub(crate) const WAITS: &str = concat!(
    something_waits!(),
    " and exists (select from dead_letters d join unnest($8::text[], $9::bytea[]) as k (topic, key) on d.topic = k.topic and d.key = k.key
        where d.in_order and d.discarded_at is null)"
);

/// A fence ([`shards::FENCE`]) that also claims the ids and records the positions: one round trip for all.
pub(crate) const CLAIM: &str = concat!(
    "with ",
    claimed!(),
    "
     select array(select shard from held), ",
    something_waits!(),
    ", array(select id from claimed)"
);

/// Fences the transaction, claims the ids and records the positions. Returns the ids that no earlier transaction has claimed; none if a shard
/// is lost.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    believed: &[(u32, i64)],
    Claims { ids, next }: Claims<'_>,
    now: Micros,
) -> Result<(Fenced, HashSet<Uuid>), sqlx::Error> {
    // With nothing to write, run only the fence: the claim would wait for inbox locks.
    if ids.is_empty() && next.is_none_or(Next::is_empty) {
        return Ok((shards::fence(connection, believed).await?, HashSet::new()));
    }
    let (numbers, epochs) = shards::columns(believed);
    let today = now.to_datetime().date();
    let claiming = sqlx::query_as(CLAIM).bind(numbers).bind(epochs).bind(ids).bind(today);
    let (topics, partitions, offsets) = next.map(positions::columns).unwrap_or_default();
    let claiming = claiming.bind(topics).bind(partitions).bind(offsets);
    let (ours, something_waits, fresh): (_, _, Vec<Uuid>) = claiming.fetch_one(connection).await?;
    Ok((Fenced::of(believed, ours, something_waits), fresh.into_iter().collect()))
}
