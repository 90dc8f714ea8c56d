//! Dead letters: events that could not be processed, with their original bytes, and events that wait behind them.
//!
//! On a service's own topics, later events of the same topic and key wait here too, in the order of their ids: such a
//! letter is `in_order`. A dead letter of an intake topic, to which any program may write, blocks no other. The
//! statement that fences a batch ([`crate::store::shards::FENCE`]) also checks whether anything waits; only then the
//! keys are queried.
//!
//! A letter is parked and redriven by the owner of its shard, one after the other. A discard, which any process may do,
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

use crate::kafka::cut::Original;
use crate::topics::{Catalogue, TopicName};
use crate::{Incoming, Position};

pub use admin::DeadLetterFilter;
pub(crate) use parked::event_parked;
pub use service::{DISCARD_REASON, DeadLetters, discard_reason};
pub use view::{DeadLetter, DeadLetterDetail, DeadLetterState, RedriveOutcome, Redriven};

pub(crate) const PARK: &str = "insert into dead_letters (topic, \"partition\", \"offset\", key, header_names, header_values, payload, reason, detail, attempts,
        parked_at, inbox_id, message_time, headers_readable, in_order, original_bytes, original_hash, topic_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) on conflict do nothing";

/// Until no instance of the release before runs, a position without its topic's id is unique. The letter of a topic that
/// was deleted makes room: its offset n becomes -1 - n.
pub(crate) const MAKE_ROOM: &str = "update dead_letters set \"offset\" = -1 - \"offset\"
     where topic = $1 and \"partition\" = $2 and \"offset\" = $3 and topic_id <> $4";

pub(crate) const WAITING: &str = "select distinct topic, key from dead_letters
     where in_order and discarded_at is null and (topic, key) in (select * from unnest($1::text[], $2::bytea[]))";

/// Keys of the contract are shorter. A longer key belongs to no event of the contract, so no event waits behind it.
const MAX_KEY_BYTES: usize = 256;
/// Bounded, since an error may quote its input.
const MAX_DETAIL_CHARS: usize = 4_000;
/// A larger message is cut: its row keeps the beginning, and its topic the rest.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// Why an event was parked. `detail`: the chain of causes; `attempts`: how often the event was really tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: ParkReason,
    pub(crate) detail: String,
    pub(crate) attempts: u32,
}

impl Reason {
    /// A failure that a second attempt would repeat.
    pub(crate) fn after_one_attempt(code: ParkReason, detail: impl Into<String>) -> Self {
        Reason { code, detail: detail.into(), attempts: 1 }
    }

    fn waits_behind() -> Self {
        let detail = "an earlier event of this key is parked".to_owned();
        Reason { code: ParkReason::WaitsBehind, detail, attempts: 0 }
    }

    /// The detail as PostgreSQL can store it: without NUL, which a producer's header may contain, and cut to
    /// [`MAX_DETAIL_CHARS`].
    pub(crate) fn storable(&self) -> String {
        let mut detail = self.detail.replace('\0', "\u{fffd}");
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARS) {
            detail.truncate(end);
        }
        detail
    }
}

/// The ordering key of an event: topic and key.
pub(crate) type OrderingKey = (String, Vec<u8>);

/// The ordering key of a message. `None`: on intake topics, or if the key is no key of the contract.
pub(crate) fn ordering_key<K: EventKind>(
    incoming: &Incoming,
    catalogue: &Catalogue<K>,
    topic: &TopicName,
) -> Option<OrderingKey> {
    let key = incoming.key.as_ref().filter(|key| key.len() <= MAX_KEY_BYTES)?;
    (!catalogue.is_intake(topic.plain())).then(|| (topic.full().to_owned(), key.to_vec()))
}

/// The keys with waiting events.
pub(crate) async fn waiting(
    connection: &mut PgConnection,
    keys: impl Iterator<Item = OrderingKey>,
) -> Result<HashSet<OrderingKey>, sqlx::Error> {
    let (topics, keys): (Vec<String>, Vec<Vec<u8>>) = keys.unzip();
    if topics.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<OrderingKey> =
        sqlx::query_as(WAITING).bind(topics).bind(keys).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

/// A dead letter to be written.
pub(crate) struct NewDeadLetter<'a> {
    pub(crate) incoming: &'a Incoming,
    pub(crate) claim: Option<Uuid>,
    pub(crate) reason: Reason,
    pub(crate) in_order: bool,
    pub(crate) at: OffsetDateTime,
}

impl<'a> NewDeadLetter<'a> {
    /// An event that waits behind a parked one.
    pub(crate) fn behind(incoming: &'a Incoming, claim: Option<Uuid>, at: OffsetDateTime) -> Self {
        NewDeadLetter { incoming, claim, reason: Reason::waits_behind(), in_order: true, at }
    }

    /// Inserts one row; parking is rare, so it is not batched. `false`: the message was parked before.
    pub(crate) async fn park(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        if self.insert(connection).await? {
            return Ok(true);
        }
        let Incoming { position, topic_id, .. } = self.incoming;
        if topic_id.is_nil() {
            return Ok(false);
        }
        let moved = sqlx::query(MAKE_ROOM)
            .bind(&*position.topic)
            .bind(position.partition)
            .bind(position.offset)
            .bind(topic_id)
            .execute(&mut *connection)
            .await?;
        if moved.rows_affected() == 0 { Ok(false) } else { self.insert(connection).await }
    }

    async fn insert(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let NewDeadLetter { incoming, claim, reason, in_order, at } = self;
        let incoming = incoming.within(MAX_KEPT_BYTES);
        let original = incoming.original.as_ref();
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
            .bind(original.map(|original| i64::try_from(original.bytes).unwrap_or(i64::MAX)))
            .bind(original.map(|original| original.sha256.as_ref()))
            .bind(incoming.topic_id)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// The message as received.
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
    let (bytes, sha256): (Option<i64>, Option<Vec<u8>>) =
        (row.try_get("original_bytes")?, row.try_get("original_hash")?);
    let original = bytes
        .zip(sha256)
        .map(|(bytes, sha256)| Original { bytes: bytes.unsigned_abs(), sha256: sha256.into() });
    let message = Incoming::recorded(position, key, payload, headers, timestamp);
    Ok(Incoming { headers_readable, topic_id: row.try_get("topic_id")?, original, ..message })
}
