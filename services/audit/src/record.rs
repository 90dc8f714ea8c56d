//! An event as it lies on its topic, and what may lie there instead.

use std::sync::Arc;

use minuet_events::values::Micros;
use minuet_events::{Event, EventType};
pub use minuet_story::Service;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The position of a message in the log. Small, since an audit holds many; [`Topics`] knows the topic's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub topic: u16,
    pub partition: u16,
    pub offset: i64,
}

/// The topics' names, without their prefix, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topics(pub Vec<Arc<str>>);

impl Topics {
    pub fn name(&self, position: Position) -> &str {
        self.0.get(usize::from(position.topic)).map_or("?", |name| &**name)
    }

    pub fn show(&self, position: Position) -> String {
        format!("{}[{}]@{}", self.name(position), position.partition, position.offset)
    }
}

/// Who emitted an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    Service(Service),
    /// Anybody else, by a hash of the name.
    Other(u64),
}

impl Source {
    pub fn of(name: &str) -> Self {
        let service = Service::ALL.into_iter().find(|service| service.source() == name);
        service.map_or_else(|| Source::Other(hash(name.as_bytes())), Source::Service)
    }

    pub fn service(self) -> Option<Service> {
        match self {
            Source::Service(service) => Some(service),
            Source::Other(_) => None,
        }
    }
}

/// What the headers say, as far as books need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub position: Position,
    pub id: Uuid,
    pub event_type: EventType,
    pub source: Source,
    /// `ce_time`: by the emitter's clock.
    pub time: Micros,
    /// Kafka's time of the message: since when something may be owed, whatever the emitter's clock said.
    pub recorded: Micros,
    pub cause: Option<Uuid>,
    pub sequence: Option<i64>,
    /// A hash of the payload's bytes: two events with one id must have one.
    pub payload: u64,
}

impl Head {
    /// The emitter's time, but never later than Kafka's: a clock that is ahead makes nothing that follows old.
    pub fn time_seen(&self) -> Micros {
        self.time.min(self.recorded)
    }
}

/// An event with its head.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub head: Head,
    pub event: Event,
}

/// A message that is no event of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub position: Position,
    /// A stable code.
    pub code: &'static str,
    pub detail: String,
}

/// 64 bits of some bytes, the same in every build: snapshots hold it. No protection against anybody who means harm.
pub fn hash(bytes: &[u8]) -> u64 {
    const M: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = M ^ bytes.len() as u64;
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = word.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        hash = (hash ^ word).wrapping_mul(M);
        hash ^= hash >> 29;
    }
    let rest = words.remainder().iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    hash = (hash ^ rest).wrapping_mul(M);
    hash ^ hash >> 32
}
