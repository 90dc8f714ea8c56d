//! Dead letters as people see them.

use minuet_envelope::{Contract, DecodeError, EventKind, Micros, ParkReason};
use minuet_telemetry::error_chain;
use serde::Serialize;
use serde_json::{Value, json};

use super::admin::Row;
use crate::json::{headers, hex, text};
use crate::{Incoming, Position};

/// The state of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DeadLetterState {
    /// It waits for a person's decision.
    Parked,
    /// It waits behind an earlier letter of its topic and key.
    Waits,
    /// A redrive is requested; the owner of its shard will do it.
    RedriveAsked,
    /// It was given up.
    Discarded {
        /// When.
        discarded_at: Micros,
        /// By whom.
        discarded_by: String,
        /// Why.
        discard_reason: String,
    },
}

impl DeadLetterState {
    /// The state in words.
    pub fn name(&self) -> &'static str {
        match self {
            DeadLetterState::Parked => "parked",
            DeadLetterState::Waits => "waits",
            DeadLetterState::RedriveAsked => "redrive asked",
            DeadLetterState::Discarded { .. } => "discarded",
        }
    }
}

/// A dead letter, without headers and payload.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    /// The id in the service's database.
    pub id: i64,
    /// The topic's full name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// The key as [`crate::json::text`] shows it; null if there is none.
    pub key: Value,
    /// A stable code: [`ParkReason::code`], or one of a later release.
    pub reason: String,
    /// What the operator can do. `None`: this release does not know the code.
    pub remedy: Option<&'static str>,
    /// The chain of causes.
    pub detail: String,
    /// The number of attempts.
    pub attempts: i32,
    /// When it was parked.
    pub parked_at: Micros,
    /// Whether later events of its topic and key wait for it.
    pub in_order: bool,
    /// Its state.
    #[serde(flatten)]
    pub state: DeadLetterState,
}

impl From<Row> for DeadLetter {
    fn from(row: Row) -> Self {
        let Row { id, topic, partition, offset, key, reason, detail, attempts, parked_at, in_order, .. } =
            row;
        let known = ParkReason::from_code(&reason);
        let discarded = row.discarded_at.zip(row.discarded_by).zip(row.discard_reason);
        let state = match discarded {
            Some(((at, discarded_by), discard_reason)) => DeadLetterState::Discarded {
                discarded_at: Micros::from_datetime(at),
                discarded_by,
                discard_reason,
            },
            None if row.redrive => DeadLetterState::RedriveAsked,
            None if known == Some(ParkReason::WaitsBehind) => DeadLetterState::Waits,
            None => DeadLetterState::Parked,
        };
        let (key, parked_at) = (key.as_deref().map_or(Value::Null, text), Micros::from_datetime(parked_at));
        let remedy = known.map(ParkReason::remedy);
        DeadLetter {
            id,
            topic,
            partition,
            offset,
            key,
            reason,
            remedy,
            detail,
            attempts,
            parked_at,
            in_order,
            state,
        }
    }
}

impl DeadLetter {
    /// The position of the message.
    pub fn position(&self) -> Position {
        Position { topic: self.topic.as_str().into(), partition: self.partition, offset: self.offset }
    }
}

/// A dead letter with headers and payload.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterDetail {
    /// Everything but headers and payload.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// Kafka's timestamp, in milliseconds since 1970.
    pub ts: i64,
    /// The record's name, if the payload could be decoded.
    #[serde(rename = "type")]
    pub event_type: Option<&'static str>,
    /// Headers by name. A name that occurs several times has a list of values.
    pub headers: Value,
    /// The decoded record, else the bytes in hex. Null: there is no value.
    pub value: Value,
    /// Why the payload could not be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odd: Option<String>,
    /// The bytes of the whole message. `None`: it is whole; else key, headers and value are its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_bytes: Option<u64>,
    /// The SHA-256 of the whole message in hex, if it was cut (see `EventParked`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_hash: Option<String>,
}

impl DeadLetterDetail {
    /// `contract`: `None` without a registry, so that no schema is known.
    pub(super) async fn of<C: Contract>(row: Row, incoming: &Incoming, contract: Option<&C>) -> Self {
        let (event_type, value, odd) = match (decoded(incoming, contract).await, incoming.payload.as_deref())
        {
            (Ok(event), _) => (Some(C::kind(&event).name()), json!(event), None),
            (Err(odd), Some(payload)) => (None, Value::String(hex(payload)), Some(odd)),
            (Err(odd), None) => (None, Value::Null, Some(odd)),
        };
        let (ts, headers) = (incoming.timestamp.as_millis(), headers(&incoming.headers));
        let original = incoming.original.as_ref();
        let (original_bytes, original_hash) =
            original.map(|original| (original.bytes, hex(&original.sha256))).unzip();
        let letter = row.into();
        DeadLetterDetail { letter, ts, event_type, headers, value, odd, original_bytes, original_hash }
    }
}

async fn decoded<C: Contract>(incoming: &Incoming, contract: Option<&C>) -> Result<C::Event, String> {
    if incoming.original.is_some() {
        return Err("only the beginning is kept; a redrive reads the whole message from its topic".to_owned());
    }
    let payload = incoming.payload.as_deref().ok_or("the message has no value")?;
    let contract = contract.ok_or("the registry was not asked, so no schema is known")?;
    let failed = match contract.decode(payload) {
        Ok(event) => return Ok(event),
        Err(failed) => failed,
    };
    let DecodeError::UnknownSchema { id } = failed else { return Err(failed.to_string()) };
    contract.resolve(id).await.map_err(|error| error_chain(&error))?;
    contract.decode(payload).map_err(|error| error.to_string())
}

/// The result of a requested redrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RedriveOutcome {
    /// It took effect, or the event was processed before.
    Redriven,
    /// It failed again and stays parked.
    Parked {
        /// The new reason code.
        reason: String,
        /// The new chain of causes.
        detail: String,
        /// The number of attempts so far.
        attempts: i32,
    },
    /// An earlier letter of its key failed again.
    Waits,
    /// It was discarded in the meantime.
    Discarded,
    /// No instance has tried it in time; the request stands.
    Pending,
}

/// A letter and the result of its redrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// The letter's id.
    pub id: i64,
    /// The result.
    #[serde(flatten)]
    pub outcome: RedriveOutcome,
}

impl Redriven {
    /// `row`: `None` if the letter no longer exists.
    pub(super) fn of(id: i64, row: Option<Row>) -> Self {
        let outcome = row.map_or(RedriveOutcome::Redriven, |row| {
            let letter = DeadLetter::from(row);
            match letter.state {
                DeadLetterState::RedriveAsked => RedriveOutcome::Pending,
                DeadLetterState::Discarded { .. } => RedriveOutcome::Discarded,
                DeadLetterState::Waits => RedriveOutcome::Waits,
                DeadLetterState::Parked => RedriveOutcome::Parked {
                    reason: letter.reason,
                    detail: letter.detail,
                    attempts: letter.attempts,
                },
            }
        });
        Redriven { id, outcome }
    }
}
