//! `serde(with)` for a plain UUID that is a string on the wire (serde's own form in Avro would be 16 bytes).

use std::str::FromStr;

use serde::{Deserializer, Serializer};
use uuid::Uuid;

use minuet_envelope::parse_uuid;

use super::{ValueError, from_text};

pub(crate) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    struct EventId(Uuid);

    impl FromStr for EventId {
        type Err = ValueError;

        fn from_str(text: &str) -> Result<Self, ValueError> {
            parse_uuid("an event's id", text).map(Self)
        }
    }

    from_text::<EventId, D>(deserializer).map(|id| id.0)
}
