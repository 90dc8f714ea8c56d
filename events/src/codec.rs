//! Confluent's wire format: a zero byte, the id of the writer's schema (4 bytes, big-endian), the Avro datum.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minuet_envelope::validity::Invalid;
use minuet_envelope::{Contract, DecodeError, EncodeError, ParkedMessage, ResolveError};
use parking_lot::{Mutex, RwLock};

use crate::datum::{OtherSchema, OtherVersion, OwnSchema};
use crate::event::{Event, EventType};
use crate::parking::EventParked;
use crate::registry::{Registry, RegistryError};
use crate::trace::ORDER_ID;
use crate::values::OrderId;

/// Schemas of others, and ids that the registry does not know: so many are remembered.
const REMEMBERED: usize = 1_024;
/// So long an id that the registry does not know is not asked for again.
const NOT_FOUND_FOR: Duration = Duration::from_secs(60);

/// No length inside a message may promise more bytes.
const LONGEST: usize = 16 << 20;

/// Encodes and decodes events. Cheap to clone and to share; encoding and decoding never wait.
#[derive(Clone)]
pub struct Codec(Arc<Inner>);

struct Inner {
    /// By `event_type as usize`.
    ours: Vec<Ours>,
    by_id: HashMap<u32, EventType>,
    others: RwLock<HashMap<u32, Arc<Other>>>,
    not_found: Mutex<HashMap<u32, Instant>>,
    registry: Option<Registry>,
}

struct Ours {
    id: u32,
    schema: OwnSchema,
}

/// A registered schema that is none of this build's.
enum Other {
    /// Another version of a record of the contract.
    Version(EventType, OtherVersion),
    Foreign(String),
}

impl Codec {
    /// Registers every schema, each under its record's full name, and takes the ids that the registry gives.
    /// What is registered already keeps its id. Each request has a time limit.
    pub async fn register(url: &str) -> Result<Self, RegistryError> {
        let registry = Registry::new(url)?;
        let ids = registry.register_all().await?;
        Ok(Self::new(&ids, Some(registry)))
    }

    /// Without a registry: the schemas are numbered from 1 in the order of [`EventType::ALL`].
    pub fn local() -> Self {
        let ids: Vec<u32> = (1..).take(EventType::COUNT).collect();
        Self::new(&ids, None)
    }

    fn new(ids: &[u32], registry: Option<Registry>) -> Self {
        // For the whole process, and only the first time counts. Brokers carry less than this in one message.
        apache_avro::util::max_allocation_bytes(LONGEST);
        let ours: Vec<Ours> = EventType::ALL
            .iter()
            .zip(ids)
            .map(|(event_type, id)| Ours { id: *id, schema: built_in(*event_type) })
            .collect();
        let by_id = ids.iter().copied().zip(EventType::ALL.iter().copied()).collect();
        Self(Arc::new(Inner {
            ours,
            by_id,
            others: RwLock::default(),
            not_found: Mutex::default(),
            registry,
        }))
    }

    /// The registry's id of this build's schema.
    pub fn schema_id(&self, event_type: EventType) -> u32 {
        self.0.ours[event_type as usize].id
    }

    pub fn encode(&self, event: &Event) -> Result<Vec<u8>, EncodeError> {
        let event_type = event.event_type();
        let ours = &self.0.ours[event_type as usize];
        let mut bytes = Vec::with_capacity(256);
        bytes.push(0);
        bytes.extend(ours.id.to_be_bytes());
        match ours.schema.write(event, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(detail) => Err(EncodeError { event: event_type.name(), key: event.key(), detail }),
        }
    }

    /// Decodes with the schema that the message names.
    pub fn decode(&self, bytes: &[u8]) -> Result<Event, DecodeError> {
        let (id, datum) = match bytes {
            [] => return Err(DecodeError::Empty),
            [0, a, b, c, d, datum @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]), datum),
            _ => return Err(DecodeError::NotAvro),
        };
        let malformed =
            |record: EventType| move |detail| DecodeError::Malformed { id, record: record.name(), detail };
        if let Some(&event_type) = self.0.by_id.get(&id) {
            let schema = &self.0.ours[event_type as usize].schema;
            return schema.read(event_type, datum).map_err(malformed(event_type));
        }
        match self.other(id).as_deref() {
            Some(Other::Version(event_type, schema)) => {
                schema.read(*event_type, datum).map_err(malformed(*event_type))
            }
            Some(Other::Foreign(name)) => Err(DecodeError::UnknownRecord { id, name: name.clone() }),
            None => Err(DecodeError::UnknownSchema { id }),
        }
    }

    /// Fetches the schema of an id that [`Codec::decode`] does not know, once; after that, decoding goes on.
    ///
    /// Ids are given once and for all, so [`ResolveError::NotFound`] is permanent, and remembered for a minute:
    /// a flood of garbage asks the registry once for each id. [`ResolveError::Unavailable`] passes.
    pub async fn resolve(&self, id: u32) -> Result<(), ResolveError> {
        if self.0.by_id.contains_key(&id) || self.other(id).is_some() {
            return Ok(());
        }
        let Some(registry) = &self.0.registry else { return Err(ResolveError::NotFound { id }) };
        if self.is_remembered_as_not_found(id) {
            return Err(ResolveError::NotFound { id });
        }
        match registry.schema(id).await {
            Ok(schema) => {
                self.remember(id, Other::new(&schema, &self.0.ours));
                Ok(())
            }
            Err(error) => {
                if matches!(error, ResolveError::NotFound { .. }) {
                    self.remember_as_not_found(id);
                }
                Err(error)
            }
        }
    }

    fn other(&self, id: u32) -> Option<Arc<Other>> {
        self.0.others.read().get(&id).cloned()
    }

    /// A full memory is emptied: what is still needed is asked for again.
    fn remember(&self, id: u32, other: Other) {
        let mut others = self.0.others.write();
        if others.len() >= REMEMBERED {
            others.clear();
        }
        others.insert(id, Arc::new(other));
    }

    fn is_remembered_as_not_found(&self, id: u32) -> bool {
        let not_found = self.0.not_found.lock();
        not_found.get(&id).is_some_and(|since| since.elapsed() < NOT_FOUND_FOR)
    }

    fn remember_as_not_found(&self, id: u32) {
        let mut not_found = self.0.not_found.lock();
        if not_found.len() >= REMEMBERED {
            not_found.clear();
        }
        not_found.insert(id, Instant::now());
    }
}

/// The events of the shop, as the messaging library sees them.
impl Contract for Codec {
    type Kind = EventType;
    type Event = Event;

    fn kind(event: &Event) -> EventType {
        event.event_type()
    }

    fn key(event: &Event) -> String {
        event.key()
    }

    fn admit(event: &Event) -> Result<(), Invalid> {
        event.check_admissible()
    }

    fn encode(&self, event: &Event) -> Result<Vec<u8>, EncodeError> {
        self.encode(event)
    }

    fn decode(&self, payload: &[u8]) -> Result<Event, DecodeError> {
        self.decode(payload)
    }

    async fn resolve(&self, schema: u32) -> Result<(), ResolveError> {
        self.resolve(schema).await
    }

    fn key_attribute(key: &str) -> Option<&'static str> {
        OrderId::parse(key).ok().map(|_| ORDER_ID)
    }

    fn parked(message: ParkedMessage) -> Option<Event> {
        Some(EventParked::from(message).into())
    }
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codec").field("registry", &self.0.registry).finish_non_exhaustive()
    }
}

impl Other {
    fn new(registered: &str, ours: &[Ours]) -> Self {
        let Ok(schema) = OtherSchema::parse(registered) else {
            return Self::Foreign("no Avro schema that can be read".to_owned());
        };
        let name = schema.name();
        match name.as_deref().and_then(EventType::from_record_name) {
            Some(event_type) => Self::Version(event_type, schema.resolved(&ours[event_type as usize].schema)),
            None => Self::Foreign(name.unwrap_or_else(|| "no record".to_owned())),
        }
    }
}

/// The schemas are part of the program, and a test parses each: one that does not parse never leaves the house.
fn built_in(event_type: EventType) -> OwnSchema {
    match OwnSchema::parse(event_type.schema_json()) {
        Ok(schema) => schema,
        Err(error) => unreachable!("the built-in schema of {event_type} does not parse: {error}"),
    }
}
