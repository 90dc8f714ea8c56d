//! Events that could not be processed, with their original bytes, and those that wait behind them.
//!
//! On a service's own topics the later events of the same topic and key wait here too, in the order of their ids: a letter is
//! `in_order` then. What strangers may write to (an intake topic) holds nobody back. Whether anything waits at all is asked
//! by the statement that fences a batch ([`crate::store::shards::FENCE`]); only then is it asked what.
//!
//! A letter is parked and redriven by the owner of its shard, one after the other; whoever takes one away besides (a discard)
//! locks the shard's row against both.

pub(crate) mod admin;
mod parked;
pub(crate) mod redrive;
mod service;
mod view;

use std::collections::HashSet;

use minuet_envelope::{EventKind, Micros, ParkReason};
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::topics::Catalogue;
use crate::{Incoming, Position};

pub use admin::DeadLetterFilter;
pub(crate) use parked::event_parked;
pub use service::{DISCARD_REASON, DeadLetters, discard_reason};
pub use view::{DeadLetter, DeadLetterDetail, DeadLetterState, Outcome, Redriven};

pub(crate) const PARK: &str = "insert into dead_letters (topic, \"partition\", \"offset\", key, header_names, header_values, payload, reason, detail, attempts,
        parked_at, inbox_id, message_time, headers_readable, in_order)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (topic, \"partition\", \"offset\") do nothing";

pub(crate) const WAITING: &str = "select distinct topic, key from dead_letters
     where in_order and discarded_at is null and (topic, key) in (select * from unnest($1::text[], $2::bytea[]))";

/// Our own keys are ids and SKUs. What is longer is none of them, and has nobody behind it.
const LONGEST_KEY: usize = 256;
/// An error may quote what it complains about.
const LONGEST_DETAIL: usize = 4_000;
/// Why an event was parked. `detail`: the chain of causes; `attempts`: how often the event was really tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: ParkReason,
    pub(crate) detail: String,
    pub(crate) attempts: u32,
}

impl Reason {
    /// Tried once: a second look at the same bytes would show the same.
    pub(crate) fn at_once(code: ParkReason, detail: impl Into<String>) -> Self {
        Reason { code, detail: detail.into(), attempts: 1 }
    }

    fn waits_behind() -> Self {
        let detail = "an earlier event of this key is parked".to_owned();
        Reason { code: ParkReason::WaitsBehind, detail, attempts: 0 }
    }

    /// PostgreSQL's text holds no NUL, and a stranger's header may.
    fn storable(&self) -> String {
        let mut detail = self.detail.replace('\0', "\u{fffd}");
        if let Some((end, _)) = detail.char_indices().nth(LONGEST_DETAIL) {
            detail.truncate(end);
        }
        detail
    }
}

/// Where an event waits for its turn: a topic of ours, and a key.
pub(crate) type OrderingKey = (String, Vec<u8>);

/// None on intake topics, and where the key is none of ours.
pub(crate) fn place<K: EventKind>(
    incoming: &Incoming,
    catalogue: &Catalogue<K>,
    prefix: &str,
) -> Option<OrderingKey> {
    let topic = &*incoming.position.topic;
    let key = incoming.key.as_ref().filter(|key| key.len() <= LONGEST_KEY)?;
    let is_intake = catalogue.is_intake(topic.strip_prefix(prefix).unwrap_or(topic));
    (!is_intake).then(|| (topic.to_owned(), key.to_vec()))
}

/// Those of the places where something waits.
pub(crate) async fn waiting(
    connection: &mut PgConnection,
    places: impl Iterator<Item = OrderingKey>,
) -> Result<HashSet<OrderingKey>, sqlx::Error> {
    let (topics, keys): (Vec<String>, Vec<Vec<u8>>) = places.unzip();
    if topics.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<OrderingKey> =
        sqlx::query_as(WAITING).bind(topics).bind(keys).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

/// What is set aside, and what is known about it.
pub(crate) struct NewDeadLetter<'a> {
    pub(crate) incoming: &'a Incoming,
    pub(crate) claim: Option<Uuid>,
    pub(crate) reason: Reason,
    pub(crate) in_order: bool,
    pub(crate) at: OffsetDateTime,
}

impl<'a> NewDeadLetter<'a> {
    /// An event whose turn has not come.
    pub(crate) fn behind(incoming: &'a Incoming, claim: Option<Uuid>, at: OffsetDateTime) -> Self {
        NewDeadLetter { incoming, claim, reason: Reason::waits_behind(), in_order: true, at }
    }

    /// One row per event: parking is rare, so it is not batched. False: it was parked before.
    pub(crate) async fn park(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let NewDeadLetter { incoming, claim, reason, in_order, at } = self;
        let names: Vec<String> =
            incoming.headers.iter().map(|(name, _)| name.replace('\0', "\u{fffd}")).collect();
        let values: Vec<Option<&[u8]>> = incoming.headers.iter().map(|(_, value)| value.as_deref()).collect();
        let done = sqlx::query(PARK)
            .bind(&*incoming.position.topic)
            .bind(incoming.position.partition)
            .bind(incoming.position.offset)
            .bind(incoming.key.as_deref())
            .bind(names)
            .bind(values)
            .bind(incoming.payload.as_deref())
            .bind(reason.code.code())
            .bind(reason.storable())
            .bind(i32::try_from(reason.attempts).unwrap_or(i32::MAX))
            .bind(at)
            .bind(claim)
            .bind(incoming.timestamp.to_datetime())
            .bind(incoming.headers_readable)
            .bind(in_order)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// The message as it came.
fn incoming(row: &sqlx::postgres::PgRow) -> Result<Incoming, sqlx::Error> {
    let names: Vec<String> = row.try_get("header_names")?;
    let values: Vec<Option<Vec<u8>>> = row.try_get("header_values")?;
    let topic: String = row.try_get("topic")?;
    let time: OffsetDateTime = row.try_get("message_time")?;
    let position = Position {
        topic: topic.into(),
        partition: row.try_get("partition")?,
        offset: row.try_get("offset")?,
    };
    let headers = names.into_iter().zip(values).collect();
    let (key, payload, timestamp) =
        (row.try_get("key")?, row.try_get("payload")?, Micros::from_datetime(time));
    let headers_readable = row.try_get("headers_readable")?;
    Ok(Incoming { headers_readable, ..Incoming::recorded(position, key, payload, headers, timestamp) })
}
