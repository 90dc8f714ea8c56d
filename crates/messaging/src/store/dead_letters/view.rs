//! Parked events as they are shown to a person.

use minuet_envelope::{Contract, DecodeError, EventKind, Micros, ParkReason};
use minuet_telemetry::error_chain;
use serde::Serialize;
use serde_json::{Value, json};

use super::admin::Row;
use crate::json::{headers, hex, text};
use crate::{Incoming, Position};

/// What is to be done with a letter, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DeadLetterState {
    /// It is to be looked at.
    Parked,
    /// It waits behind an earlier one of its topic and key.
    Waits,
    /// The owner of its shard will try it again.
    RedriveAsked,
    Discarded {
        discarded_at: Micros,
        discarded_by: String,
        discard_reason: String,
    },
}

impl DeadLetterState {
    pub fn name(&self) -> &'static str {
        match self {
            DeadLetterState::Parked => "parked",
            DeadLetterState::Waits => "waits",
            DeadLetterState::RedriveAsked => "redrive asked",
            DeadLetterState::Discarded { .. } => "discarded",
        }
    }
}

/// A parked event, without its headers and its payload.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    pub id: i64,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Text; what is none, in hex and said so.
    pub key: Value,
    /// A stable code: [`ParkReason::code`], or one of a later release.
    pub reason: String,
    /// What the operator can do. `None`: this release does not know the code.
    pub remedy: Option<&'static str>,
    /// The chain of causes.
    pub detail: String,
    pub attempts: i32,
    pub parked_at: Micros,
    /// Later events of its topic and key wait for it.
    pub in_order: bool,
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
    pub fn position(&self) -> Position {
        Position { topic: self.topic.as_str().into(), partition: self.partition, offset: self.offset }
    }
}

/// A parked event with everything that came with it.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterDetail {
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// Its time on the topic, in ms.
    pub ts: i64,
    /// The record's name, where the payload is one.
    #[serde(rename = "type")]
    pub event_type: Option<&'static str>,
    /// By name; a name that comes several times has a list.
    pub headers: Value,
    /// The record; of what is none, its bytes in hex. Null: there are none.
    pub value: Value,
    /// Why the payload is no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odd: Option<String>,
}

impl DeadLetterDetail {
    /// `contract`: None where no registry could be asked, so that nothing is known about schemas.
    pub(super) async fn of<C: Contract>(row: Row, incoming: &Incoming, contract: Option<&C>) -> Self {
        let (event_type, value, odd) = match (decoded(incoming, contract).await, incoming.payload.as_deref())
        {
            (Ok(event), _) => (Some(C::kind(&event).name()), json!(event), None),
            (Err(odd), Some(payload)) => (None, Value::String(hex(payload)), Some(odd)),
            (Err(odd), None) => (None, Value::Null, Some(odd)),
        };
        let (ts, headers) = (incoming.timestamp.as_millis(), headers(&incoming.headers));
        DeadLetterDetail { letter: row.into(), ts, event_type, headers, value, odd }
    }
}

async fn decoded<C: Contract>(incoming: &Incoming, contract: Option<&C>) -> Result<C::Event, String> {
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

/// What became of a letter that was to be redriven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It took effect, or was known already.
    Redriven,
    /// It failed again.
    Parked {
        reason: String,
        detail: String,
        attempts: i32,
    },
    /// One before it failed again.
    Waits,
    Discarded,
    /// No instance has come to it in the time given; it stays asked for.
    Pending,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redriven {
    pub id: i64,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Redriven {
    /// `row`: None where it is not there any more.
    pub(super) fn of(id: i64, row: Option<Row>) -> Self {
        let outcome = row.map_or(Outcome::Redriven, |row| {
            let letter = DeadLetter::from(row);
            match letter.state {
                DeadLetterState::RedriveAsked => Outcome::Pending,
                DeadLetterState::Discarded { .. } => Outcome::Discarded,
                DeadLetterState::Waits => Outcome::Waits,
                DeadLetterState::Parked => Outcome::Parked {
                    reason: letter.reason,
                    detail: letter.detail,
                    attempts: letter.attempts,
                },
            }
        });
        Redriven { id, outcome }
    }
}
