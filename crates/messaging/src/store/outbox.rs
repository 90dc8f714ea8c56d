//! What a transaction wants published. Rows are drawn after the locks on the aggregates' rows, so that within one key the
//! order of the ids is the order of the transactions. Rows of other keys may commit later with a lower id: whoever reads
//! starts from the lowest row each time and never keeps a cursor.

use minuet_envelope::{Contract, EncodeError, EventKind, partition};
use sqlx::postgres::PgRow;
use sqlx::prelude::FromRow;
use sqlx::{PgConnection, Row as _};

use crate::observe::spans::{LINE, StoredSpan};
use crate::{OutboxEvent, ServiceContext};

pub(crate) const APPEND: &str = "insert into outbox (shard, topic, key, headers, payload)
     select * from unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::bytea[])";

/// The lowest rows of the held shards, but for the keys that wait.
pub(crate) const NEXT: &str = "select id, topic, key, headers, payload from outbox
     where shard = any($1::smallint[]) and not key = any($2::text[]) order by id limit $3";

/// $1: rows that were acknowledged; they go, unless their shard was taken by somebody else meanwhile.
pub(crate) const DELETE: &str = "delete from outbox o using unnest($2::smallint[], $3::bigint[]) as held (shard, epoch), shards s
     where o.id = any($1::bigint[]) and o.shard = held.shard and s.shard = held.shard and s.epoch = held.epoch";

/// What the headers of an event take as a rule, in bytes.
const HEADERS: usize = 768;

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) headers: String,
    pub(crate) payload: Vec<u8>,
}

/// By place, not by name: many are read.
impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Row {
            id: row.try_get(0)?,
            topic: row.try_get(1)?,
            key: row.try_get(2)?,
            headers: row.try_get(3)?,
            payload: row.try_get(4)?,
        })
    }
}

/// Headers lie in one text column, a line each (`name: value`): readable by a person, cheap to write. A value holds no
/// control character, since nothing that goes into one can.
pub(crate) fn add_line(lines: &mut String, name: &str, value: &str) {
    lines.push_str(name);
    lines.push_str(": ");
    match value.is_ascii() && !value.bytes().any(|b| b.is_ascii_control()) {
        true => lines.push_str(value),
        false => lines.extend(value.chars().filter(|c| !c.is_control())),
    }
    lines.push('\n');
}

pub(crate) fn parse_header_lines(lines: &str) -> impl Iterator<Item = (&str, &str)> {
    lines.lines().filter_map(|line| line.split_once(": "))
}

pub(crate) fn shard_of(key: &str, partitions: u32) -> u32 {
    partition::shard(key.as_bytes(), partitions)
}

/// Appends in the given order.
pub(crate) async fn append<C: Contract>(
    connection: &mut PgConnection,
    context: &ServiceContext<C>,
    emissions: &[OutboxEvent<C>],
) -> Result<(), AppendError> {
    let ServiceContext { core, contract, catalogue, spans } = context;
    if emissions.is_empty() {
        return Ok(());
    }
    let dead_letters = format!("{}.dead-letters", core.service);
    let (mut shards, mut topics, mut keys, mut headers, mut payloads) =
        (vec![], vec![], vec![], vec![], vec![]);
    for emission in emissions {
        let OutboxEvent { envelope, event, .. } = emission;
        let key = &*envelope.subject;
        let topic = match envelope.event_type {
            parked if Some(parked) == C::Kind::PARKED => dead_letters.as_str(),
            other => catalogue.topic_of(other),
        };
        shards.push(i16::try_from(shard_of(key, core.partitions)).unwrap_or(i16::MAX));
        topics.push(topic);
        keys.push(key);
        let mut lines = String::with_capacity(HEADERS);
        envelope.each_header(|name, value| add_line(&mut lines, name, value));
        if let Some(note) = StoredSpan::of(&core.tracer, &**spans, emission) {
            add_line(&mut lines, LINE, &note.text());
        }
        headers.push(lines);
        payloads.push(contract.encode(event)?);
    }
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

#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    #[error("an event cannot be encoded")]
    Encode(#[from] EncodeError),
    #[error("the outbox cannot be written")]
    Database(#[from] sqlx::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_their_column() {
        let headers = [("ce_id", "1"), ("baggage", "order.id=2,a: b"), ("odd", "x\ny")];
        let mut lines = String::new();
        headers.iter().for_each(|(name, value)| add_line(&mut lines, name, value));
        let parsed: Vec<_> = parse_header_lines(&lines).collect();
        assert_eq!(parsed, [("ce_id", "1"), ("baggage", "order.id=2,a: b"), ("odd", "xy")]);
    }
}
