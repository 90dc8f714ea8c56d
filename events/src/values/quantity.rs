use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ValueError;

/// How many pieces of one product: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

impl Quantity {
    pub const MAX: u32 = 10_000;

    pub fn new(pieces: u32) -> Result<Self, ValueError> {
        Self::try_from(i64::from(pieces))
    }

    pub fn parse(text: &str) -> Result<Self, ValueError> {
        text.parse().ok().and_then(|pieces| Self::new(pieces).ok()).ok_or_else(|| refused(text))
    }

    pub const fn get(self) -> u32 {
        self.0
    }
}

fn refused(found: impl fmt::Debug) -> ValueError {
    ValueError::new("quantity", "1 to 10000", found)
}

impl TryFrom<i64> for Quantity {
    type Error = ValueError;

    fn try_from(pieces: i64) -> Result<Self, ValueError> {
        match u32::try_from(pieces) {
            Ok(fits @ 1..=Self::MAX) => Ok(Self(fits)),
            _ => Err(refused(pieces)),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Avro `int`: a serde `u32` would ask for a `long`.
impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.0.cast_signed())
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pieces = i32::deserialize(deserializer)?;
        Self::try_from(i64::from(pieces)).map_err(serde::de::Error::custom)
    }
}
