//! Reads typed settings from the tree. What comes from a file has its type; what comes from the environment or a flag is
//! text, and is parsed as whatever its reader asks for: `MINUET_X=5` is a number for a number and a text for a text.

use serde::de::value::{Error, MapDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};

use super::tree::{Leaf, Node, Tree, Value};

impl<'de> IntoDeserializer<'de, Error> for Node {
    type Deserializer = Node;

    fn into_deserializer(self) -> Node {
        self
    }
}

/// A text is parsed as the number (or bool) that is asked for; anything else says itself what it is.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $takes:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self {
                Node::Leaf(Leaf { value: Value::Text(text), .. }) => match text.trim().parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(de::Error::invalid_value(de::Unexpected::Str(&text), &$takes)),
                },
                other => other.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::Table(Tree(entries)) => {
                let mut map = MapDeserializer::new(entries.into_iter());
                let value = visitor.visit_map(&mut map)?;
                map.end()?;
                Ok(value)
            }
            Node::Leaf(Leaf { value: Value::Typed(value), .. }) => {
                value.deserialize_any(visitor).map_err(own)
            }
            Node::Leaf(Leaf { value: Value::Text(text), .. }) => visitor.visit_string(text),
        }
    }

    parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_i8 visit_i8 i8, "a whole number from -128 to 127";
        deserialize_i16 visit_i16 i16, "a whole number from -32768 to 32767";
        deserialize_i32 visit_i32 i32, "a whole number (32 bits)";
        deserialize_i64 visit_i64 i64, "a whole number (64 bits)";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number of 0 or more (32 bits)";
        deserialize_u64 visit_u64 u64, "a whole number of 0 or more";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    /// A setting that is there is Some.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Node::Leaf(Leaf { value: Value::Text(text), .. }) => visitor.visit_enum(text.into_deserializer()),
            Node::Leaf(Leaf { value: Value::Typed(value), .. }) => {
                value.deserialize_enum(name, variants, visitor).map_err(own)
            }
            Node::Table(_) => Err(de::Error::invalid_type(de::Unexpected::Map, &"a single word")),
        }
    }

    /// A list as text has commas between its entries.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Node::Leaf(Leaf { value: Value::Text(text), source }) => {
                let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                let leaf = |entry: &str| {
                    Node::Leaf(Leaf { value: Value::Text(entry.into()), source: source.clone() })
                };
                visitor.visit_seq(de::value::SeqDeserializer::new(
                    entries.map(leaf).collect::<Vec<_>>().into_iter(),
                ))
            }
            other => other.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

fn own(error: toml::de::Error) -> Error {
    de::Error::custom(error.message())
}
