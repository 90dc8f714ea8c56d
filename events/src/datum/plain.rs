//! Reads a datum of this build's own schema without looking at the schema: the fields of a record lie one after the other,
//! in the order of the Rust type (a test holds the two against each other), and an optional one begins with the branch, null
//! first. Several times as fast as the way through the schema, which has the last word wherever this one fails.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Not these bytes, or not this way. Whoever wants to know more asks the schema.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no plain datum")
    }
}

impl std::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Refused
    }
}

/// Every byte of the datum must belong to it.
pub(super) fn read<T: DeserializeOwned>(datum: &[u8]) -> Result<T, Refused> {
    let mut plain = Plain { rest: datum };
    let record = T::deserialize(&mut plain)?;
    if plain.rest.is_empty() { Ok(record) } else { Err(Refused) }
}

struct Plain<'a> {
    rest: &'a [u8],
}

impl<'a> Plain<'a> {
    fn byte(&mut self) -> Result<u8, Refused> {
        let (byte, rest) = self.rest.split_first().ok_or(Refused)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Zigzag, seven bits to a byte, the least first.
    fn long(&mut self) -> Result<i64, Refused> {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Refused);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
            shift += 7;
        }
    }

    fn bytes(&mut self) -> Result<&'a [u8], Refused> {
        let length = usize::try_from(self.long()?).map_err(|_| Refused)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Refused)?;
        self.rest = rest;
        Ok(bytes)
    }
}

impl<'de> Deserializer<'de> for &mut Plain<'de> {
    type Error = Refused;

    fn is_human_readable(&self) -> bool {
        false
    }

    /// Nothing here says what it is.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(Refused),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_i32(i32::try_from(self.long()?).map_err(|_| Refused)?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_i64(self.long()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_borrowed_str(str::from_utf8(self.bytes()?).map_err(|_| Refused)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.long()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(Refused),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(Blocks { plain: self, left: 0 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(Fields { plain: self, left: fields.len() })
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct newtype_struct tuple tuple_struct map enum
        identifier ignored_any
    }
}

/// A record's, one after the other.
struct Fields<'p, 'de> {
    plain: &'p mut Plain<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.plain).map(Some)
    }
}

/// An array: blocks, each with the number of its items before it, up to an empty one.
struct Blocks<'p, 'de> {
    plain: &'p mut Plain<'de>,
    left: i64,
}

impl<'de> SeqAccess<'de> for Blocks<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.left == 0 {
            self.left = self.plain.long()?;
            if self.left == 0 {
                return Ok(None);
            }
            // With its size in bytes: our own programs write none of those.
            if self.left < 0 {
                return Err(Refused);
            }
        }
        self.left -= 1;
        seed.deserialize(&mut *self.plain).map(Some)
    }
}
