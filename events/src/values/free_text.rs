//! `serde(with)` for text that anybody may write on an intake topic: PostgreSQL cannot store a NUL, a terminal
//! obeys an escape, and a page of prose is no reason. Checked in both directions, so that what the gateway
//! takes the next service takes too.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::{self, Serializer};

use super::ValueError;

const MAX_CHARS: usize = 1_000;

fn check(text: &str) -> Result<(), ValueError> {
    let unfit = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.len() > MAX_CHARS * 4 || text.chars().count() > MAX_CHARS || text.chars().any(unfit) {
        return Err(ValueError::new("text", "up to 1000 characters, no control character", text));
    }
    Ok(())
}

pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    check(text).map_err(ser::Error::custom)?;
    serializer.serialize_str(text)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct FreeText;

    impl Visitor<'_> for FreeText {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            check(text).map_err(E::custom)?;
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(FreeText)
}
