//! Avro records in Confluent's wire format, with a schema registry: the codec of a [`Contract`] of one's own.
//!
//! **What it promises.** A record is written with a schema that was registered under the record's full name. A message is read by
//! the schema that it was written with, so a field that a later version adds is passed over. Reading never waits: where
//! the schema is not known yet, [`SchemaRegistry::decode`] says so, and [`SchemaRegistry::resolve`] fetches it, once for each id.
//!
//! An id that is text in its schema is a `String` in the struct: serde's `Uuid` would take 16 bytes.
//!
//! **State.** The schemas of this process, in memory. Ids are given once and for all, so nothing is ever read again.
//!
//! **When things fail.** A registry that does not answer is [`ResolveError::Unavailable`], which passes: the messaging library waits
//! and asks again. An id that the registry does not know, and bytes that do not fit their schema, are permanent.
//!
//! [`Contract`]: minuet_envelope::Contract
//!
//! ```
//! use minuet_avro::SchemaRegistry;
//! use minuet_envelope::event_kinds;
//! use serde::{Deserialize, Serialize};
//!
//! event_kinds! {
//!     pub enum Kind, version "v1" {
//!         BookLent = "library.BookLent",
//!     }
//! }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct BookLent {
//!     isbn: String,
//! }
//!
//! let schema = r#"{"type": "record", "name": "BookLent", "namespace": "library",
//!     "fields": [{"name": "isbn", "type": "string"}]}"#;
//! // `SchemaRegistry::register(url, &[schema])` where there is a registry.
//! let schemas = SchemaRegistry::local(&[schema])?;
//! let lent = BookLent { isbn: "978-3-16-148410-0".to_owned() };
//! let bytes = schemas.encode(Kind::BookLent, "978-3-16-148410-0", &lent)?;
//! assert_eq!(schemas.decode::<BookLent>(Kind::BookLent, &bytes)?, lent);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Schema, from_value};
use minuet_envelope::{DecodeError, EncodeError, EventKind, ResolveError};
use minuet_text::secret::shown_url;
use parking_lot::RwLock;
use rust_decimal::Decimal;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// The time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// No length inside a message may promise more bytes.
const MAX_ALLOCATION: usize = 16 << 20;

/// Why the schemas of a contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The text is no schema of a record with a name.
    #[error("a schema is no named Avro record")]
    Schema(#[source] Option<Box<apache_avro::Error>>),
    /// The registry does not answer, or refuses: a changed schema must be able to read every registered version.
    #[error("the schema registry at {url} did not take {subject}")]
    Register {
        /// The registry, without user, password and query.
        url: String,
        /// The full name of the record.
        subject: String,
        /// The client's error.
        #[source]
        source: reqwest::Error,
    },
    /// The answer holds no id.
    #[error(
        "the registry at {url} answered without an id for {subject}: is this the address of its Confluent API?"
    )]
    Answer {
        /// The registry, without user, password and query.
        url: String,
        /// The full name of the record.
        subject: String,
    },
}

/// The schemas that messages are written with. Cheap to clone and to share.
#[derive(Clone, Debug)]
pub struct SchemaRegistry(Arc<Inner>);

struct Inner {
    /// `None`: there is no registry.
    url: Option<String>,
    http: reqwest::Client,
    /// Those that are written, by the full name of the record.
    own: HashMap<String, (u32, Arc<Schema>)>,
    by_id: RwLock<HashMap<u32, Arc<Schema>>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("url", &self.url.as_deref().map(shown_url)).finish_non_exhaustive()
    }
}

impl SchemaRegistry {
    /// Registers these schemas, each under the full name of its record. A schema that is registered already keeps its id. `url` is
    /// the address of the registry's Confluent API.
    ///
    /// # Errors
    /// A text is no schema, or the registry does not answer or refuses a schema.
    pub async fn register(url: &str, schemas: &[&str]) -> Result<Self, RegistryError> {
        let (url, http) = (url.trim_end_matches('/'), reqwest::Client::new());
        let mut own = Vec::with_capacity(schemas.len());
        for json in schemas {
            let (subject, schema) = parse(json)?;
            let path = format!("{url}/subjects/{subject}/versions");
            let request = http.post(path).timeout(TIMEOUT).json(&json!({ "schema": json }));
            let answered = async { request.send().await?.error_for_status()?.json::<Value>().await };
            let failed = |source: reqwest::Error| RegistryError::Register {
                url: shown_url(url),
                subject: subject.clone(),
                source: source.without_url(),
            };
            let id = answered.await.map_err(failed)?["id"].as_u64().and_then(|id| u32::try_from(id).ok());
            let id =
                id.ok_or_else(|| RegistryError::Answer { url: shown_url(url), subject: subject.clone() })?;
            own.push((subject, id, schema));
        }
        Ok(Self::new(Some(url.to_owned()), http, own))
    }

    /// Without a registry, for tests: the schemas are numbered from 1.
    ///
    /// # Errors
    /// A text is no schema.
    pub fn local(schemas: &[&str]) -> Result<Self, RegistryError> {
        let parsed =
            (1..).zip(schemas).map(|(id, json)| parse(json).map(|(name, schema)| (name, id, schema)));
        Ok(Self::new(None, reqwest::Client::new(), parsed.collect::<Result<_, _>>()?))
    }

    fn new(url: Option<String>, http: reqwest::Client, own: Vec<(String, u32, Arc<Schema>)>) -> Self {
        // For the whole process, and only the first call counts. Brokers carry less than this in one message.
        apache_avro::util::max_allocation_bytes(MAX_ALLOCATION);
        let by_id = own.iter().map(|(_, id, schema)| (*id, Arc::clone(schema))).collect();
        let own = own.into_iter().map(|(name, id, schema)| (name, (id, schema))).collect();
        SchemaRegistry(Arc::new(Inner { url, http, own, by_id: RwLock::new(by_id) }))
    }

    /// A record of this kind in the wire format. `key` is for the error.
    ///
    /// # Errors
    /// No schema of this kind was registered, or the record does not fit it.
    pub fn encode<T: Serialize>(
        &self,
        kind: impl EventKind,
        key: &str,
        record: &T,
    ) -> Result<Vec<u8>, EncodeError> {
        let failed = |detail| EncodeError { event: kind.name(), key: key.to_owned(), detail };
        let (id, schema) = self
            .0
            .own
            .get(kind.record_name())
            .ok_or_else(|| failed(format!("no schema of {} was registered", kind.record_name())))?;
        let mut bytes = vec![0];
        bytes.extend(id.to_be_bytes());
        let writer = GenericDatumWriter::builder(schema).build();
        match writer.and_then(|writer| writer.write_ser(&mut bytes, record)) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// The record of a message, which has to be of this kind.
    ///
    /// # Errors
    /// The bytes are not in the wire format, are another record, or do not fit their schema; or the schema has to be
    /// [resolved](SchemaRegistry::resolve) first.
    pub fn decode<T: DeserializeOwned>(
        &self,
        kind: impl EventKind,
        payload: &[u8],
    ) -> Result<T, DecodeError> {
        let (id, mut datum) = match payload {
            [] => return Err(DecodeError::Empty),
            [0, a, b, c, d, datum @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]), datum),
            _ => return Err(DecodeError::NotAvro),
        };
        let schema = self.0.by_id.read().get(&id).map(Arc::clone).ok_or(DecodeError::UnknownSchema { id })?;
        let name = schema.name().map(ToString::to_string).unwrap_or_default();
        if name != kind.record_name() {
            return Err(DecodeError::UnknownRecord { id, name });
        }
        let malformed = |detail| DecodeError::Malformed { id, record: kind.name(), detail };
        let reader = GenericDatumReader::builder(&schema).build();
        let record = reader
            .and_then(|reader| from_value(&reader.read_value(&mut datum)?))
            .map_err(|error| malformed(error.to_string()))?;
        match datum {
            [] => Ok(record),
            rest => Err(malformed(format!("{} bytes are left over after the record", rest.len()))),
        }
    }

    /// Fetches the schema of an id, once.
    ///
    /// # Errors
    /// The registry does not know the id, or does not answer.
    pub async fn resolve(&self, id: u32) -> Result<(), ResolveError> {
        if self.0.by_id.read().contains_key(&id) {
            return Ok(());
        }
        let unavailable =
            |source: reqwest::Error| ResolveError::Unavailable { id, source: Box::new(source.without_url()) };
        let url = self.0.url.as_deref().ok_or(ResolveError::NotFound { id })?;
        let request = self.0.http.get(format!("{url}/schemas/ids/{id}")).timeout(TIMEOUT);
        let answer = request.send().await.map_err(unavailable)?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Err(ResolveError::NotFound { id });
        }
        let answer = answer.error_for_status().map_err(unavailable)?;
        let answer: Value = answer.json().await.map_err(unavailable)?;
        let schema = Schema::parse_str(answer["schema"].as_str().unwrap_or_default());
        let schema = schema.map_err(|_| ResolveError::NotFound { id })?;
        self.0.by_id.write().insert(id, Arc::new(schema));
        Ok(())
    }
}

fn parse(json: &str) -> Result<(String, Arc<Schema>), RegistryError> {
    let schema = Schema::parse_str(json).map_err(|error| RegistryError::Schema(Some(Box::new(error))))?;
    let name = schema.name().ok_or(RegistryError::Schema(None))?.to_string();
    Ok((name, Arc::new(schema)))
}

/// Reads Avro's decimal, of which only the schema knows the number of decimal places:
/// `#[serde(deserialize_with = "minuet_avro::decimal::<4, _>")]`.
///
/// # Errors
/// The number has more than 28 digits.
pub fn decimal<'de, const SCALE: u32, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let bytes = Vec::try_from(apache_avro::Decimal::deserialize(deserializer)?).map_err(D::Error::custom)?;
    if bytes.len() > 16 {
        return Err(D::Error::custom("a decimal has at most 28 digits"));
    }
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    let unscaled = bytes.iter().fold(sign, |number: i128, byte| (number << 8) | i128::from(*byte));
    Decimal::try_from_i128_with_scale(unscaled, SCALE).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests;
