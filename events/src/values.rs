//! Types that cannot hold a wrong value: parsed once at the edge, trusted everywhere behind it.

mod amount;
pub(crate) mod binary;
mod currency;
pub(crate) mod free_text;
mod id;
mod method;
mod quantity;
mod text;
pub(crate) mod uuid_text;

pub use amount::Amount;
pub use currency::Currency;
pub use id::{AdjustmentId, OrderId, PaymentId, RefundId};
pub use method::PaymentMethod;
pub use minuet_envelope::{Micros, ValueError};
pub use quantity::Quantity;
pub use text::{Sku, UserId, WarehouseCode};

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};

/// Deserializes a value from its text, whatever the format: ids and codes are strings in Avro as in JSON.
fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = ValueError>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err = ValueError>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

/// The serde and text impls that every value with a `parse` and an `as_str` shares.
macro_rules! text_value {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::values::ValueError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::values::from_text(deserializer)
            }
        }
    };
}
use text_value;
