//! What a messaging library asks of a set of events.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;

use bytes::Bytes;
use serde::Serialize;

use crate::invalid::Invalid;

/// The kind of an event: one value per record of the contract.
pub trait EventKind: Copy + Eq + Ord + Hash + Debug + Display + Send + Sync + 'static {
    /// Every kind, each once.
    const ALL: &'static [Self];

    /// The kind that announces parked messages, on a topic of each service ([`Contract::parked`]). `None`: they are not
    /// announced.
    const PARKED: Option<Self> = None;

    /// The short name, such as `OrderPlaced`: in ids, topic declarations, logs and metrics.
    fn name(self) -> &'static str;

    /// The full name of the record, such as `minuet.orders.OrderPlaced`.
    fn record_name(self) -> &'static str;

    /// The header `ce_type`, such as `minuet.orders.OrderPlaced.v1`.
    fn ce_type(self) -> &'static str;

    /// The kind of this short name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The kind of this `ce_type`.
    fn from_ce_type(ce_type: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.ce_type() == ce_type)
    }
}

/// Declares the kinds of event of a contract: an enum with its [`EventKind`].
///
/// Each kind has the full name of its Avro record. Its `ce_type` is that name with the version of the contract behind it.
///
/// ```
/// use minuet_envelope::{EventKind, event_kinds};
///
/// event_kinds! {
///     /// What the library service reads and writes.
///     pub enum Kind, version "v1" {
///         BookLent = "library.BookLent",
///         BookReturned = "library.BookReturned",
///     }
/// }
///
/// assert_eq!(Kind::BookLent.name(), "BookLent");
/// assert_eq!(Kind::BookLent.ce_type(), "library.BookLent.v1");
/// assert_eq!(Kind::from_name("BookReturned"), Some(Kind::BookReturned));
/// ```
#[macro_export]
macro_rules! event_kinds {
    ($(#[$meta:meta])* $vis:vis enum $kind:ident, version $version:literal { $($(#[$each:meta])* $name:ident = $record:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $kind {
            $($(#[$each])* #[doc = concat!("`", $record, "`")] $name),+
        }

        impl $crate::EventKind for $kind {
            const ALL: &'static [Self] = &[$(Self::$name),+];

            fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }

            fn record_name(self) -> &'static str {
                match self { $(Self::$name => $record),+ }
            }

            fn ce_type(self) -> &'static str {
                match self { $(Self::$name => concat!($record, ".", $version)),+ }
            }
        }

        impl ::std::fmt::Display for $kind {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::EventKind::name(*self))
            }
        }
    };
}

/// A set of events: how an event is named, keyed, encoded and decoded. Cheap to clone.
pub trait Contract: Clone + Debug + Send + Sync + 'static {
    /// The kinds of event.
    type Kind: EventKind;
    /// A decoded event. Its JSON form is shown to a person who looks at a parked message.
    type Event: Serialize + Clone + Debug + PartialEq + Send + Sync + 'static;

    /// The event's kind.
    fn kind(event: &Self::Event) -> Self::Kind;

    /// The Kafka key: events of one key keep their order.
    fn key(event: &Self::Event) -> String;

    /// Whether the event may come in today. Rules become narrower: an event that was taken under an earlier one still decodes,
    /// and is read again without this question.
    ///
    /// # Errors
    /// A value that is not taken any more; the error names it.
    fn admit(_event: &Self::Event) -> Result<(), Invalid> {
        Ok(())
    }

    /// The message's value.
    ///
    /// # Errors
    /// The event does not fit its schema.
    fn encode(&self, event: &Self::Event) -> Result<Vec<u8>, EncodeError>;

    /// The event of a message's value. Never waits: an unknown schema is an error that [`Contract::resolve`] may mend.
    ///
    /// # Errors
    /// The bytes are no event of this contract, or the schema has to be fetched first.
    fn decode(&self, payload: &[u8]) -> Result<Self::Event, DecodeError>;

    /// Fetches the schema that [`DecodeError::UnknownSchema`] named. A contract without a registry has none to fetch.
    ///
    /// # Errors
    /// There is no such schema, or the registry does not answer.
    fn resolve(&self, schema: u32) -> impl Future<Output = Result<(), ResolveError>> + Send {
        std::future::ready(Err(ResolveError::NotFound { id: schema }))
    }

    /// The attribute under which a key is named in spans and log lines, such as `order.id` for the id of an order. `None`: it is
    /// not named.
    fn key_attribute(_key: &str) -> Option<&'static str> {
        None
    }

    /// The event of kind [`EventKind::PARKED`] that announces a parked message.
    fn parked(_message: ParkedMessage) -> Option<Self::Event> {
        None
    }
}

/// A message that was set aside, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedMessage {
    /// The topic, with the installation's prefix.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// The key, if the message has one.
    pub key: Option<Bytes>,
    /// The headers in their order.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// The value, if the message has one.
    pub payload: Option<Bytes>,
    /// A code, a colon, and the chain of causes.
    pub reason: String,
    /// How often processing was tried.
    pub attempts: i32,
    /// The bytes of the whole message. `None`: it is whole; else key, headers and payload are its beginning.
    pub original_bytes: Option<i64>,
    /// The SHA-256 of the whole message, if it was cut.
    pub original_hash: Option<Bytes>,
}

/// An event that does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} of {key} cannot be encoded: {detail}")]
pub struct EncodeError {
    /// The short name of the event's kind.
    pub event: &'static str,
    /// The event's key.
    pub key: String,
    /// What does not fit.
    pub detail: String,
}

/// Why bytes are no event. Only [`DecodeError::UnknownSchema`] may pass, by [`Contract::resolve`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the message is empty")]
    Empty,
    /// The value is not in Confluent's wire format.
    #[error("the message does not begin with a zero byte and a schema id, as Confluent's wire format does")]
    NotAvro,
    /// The schema has to be fetched first.
    #[error("schema {id} is not known yet")]
    UnknownSchema {
        /// The registry's id.
        id: u32,
    },
    /// The schema describes something else.
    #[error("schema {id} is {name}, which is no record of this contract")]
    UnknownRecord {
        /// The registry's id.
        id: u32,
        /// The full name of the record.
        name: String,
    },
    /// The bytes do not fit the writer's schema, or a value is one that its type does not take.
    #[error("the message is no {record} of schema {id}: {detail}")]
    Malformed {
        /// The registry's id.
        id: u32,
        /// The short name of the record.
        record: &'static str,
        /// What does not fit.
        detail: String,
    },
    /// The bytes are no event, in a contract without schema ids.
    #[error("the message is no event: {0}")]
    NoEvent(String),
}

/// Why a schema cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The registry has no such schema. Permanent: ids are given once.
    #[error("the schema registry knows no schema {id}")]
    NotFound {
        /// The registry's id.
        id: u32,
    },
    /// The registry does not answer. Transient.
    #[error("the schema registry did not answer for schema {id}")]
    Unavailable {
        /// The registry's id.
        id: u32,
        /// The client's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}
