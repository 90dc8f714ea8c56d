//! `serde(with)` for a plain UUID that is a string on the wire (serde's own form in Avro would be 16 bytes).

use std::str::FromStr;

use serde::{Deserializer, Serializer};
use uuid::Uuid;

use super::{ValueError, from_text};

/// One form only: a key is compared as text, so that two spellings of one id would be two keys.
pub(crate) fn parse(what: &'static str, text: &str) -> Result<Uuid, ValueError> {
    let parsed = if text.len() == uuid::fmt::Hyphenated::LENGTH { Uuid::try_parse(text).ok() } else { None };
    parsed.ok_or_else(|| ValueError::new(what, "a UUID in its hyphenated form", text))
}

pub(crate) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    struct EventId(Uuid);

    impl FromStr for EventId {
        type Err = ValueError;

        fn from_str(text: &str) -> Result<Self, ValueError> {
            parse("an event's id", text).map(Self)
        }
    }

    from_text::<EventId, D>(deserializer).map(|id| id.0)
}
