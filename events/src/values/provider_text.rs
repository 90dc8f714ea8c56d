//! `serde(with)` for a provider's names and ids: 1 to 255 printable characters of ASCII. Checked in both directions, so that
//! what the gateway takes the payment service takes too.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::{self, Serializer};

use super::ValueError;

const MAX_CHARS: usize = 255;

fn check(text: &str) -> Result<(), ValueError> {
    if text.is_empty() || text.len() > MAX_CHARS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ValueError::new(
            "a provider's text",
            "1 to 255 printable characters of ASCII, no space",
            text,
        ));
    }
    Ok(())
}

pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    check(text).map_err(ser::Error::custom)?;
    serializer.serialize_str(text)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct ProviderText;

    impl Visitor<'_> for ProviderText {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            check(text).map_err(E::custom)?;
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(ProviderText)
}
