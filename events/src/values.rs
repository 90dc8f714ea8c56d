//! Types that cannot hold a wrong value: parsed once at the edge, trusted everywhere behind it.

mod action;
mod amount;
pub(crate) mod binary;
mod currency;
mod dispute;
pub(crate) mod free_text;
mod id;
mod method;
mod payment_token;
pub(crate) mod provider_text;
mod quantity;
mod reason;
mod status;
mod text;
pub(crate) mod uuid_text;

pub use action::PaymentActionKind;
pub use amount::Amount;
pub use currency::Currency;
pub use dispute::DisputeStatus;
pub use id::{AdjustmentId, OrderId, PaymentId, RefundId};
pub use method::PaymentMethod;
pub use minuet_envelope::{Micros, ValueError};
pub use payment_token::PaymentToken;
pub use quantity::Quantity;
pub use reason::{CancellationReason, ReleaseCause};
pub use status::{OrderStatus, PaymentStatus, ReservationStatus};
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

/// A closed set of texts: its name in the contract, what it takes, and the text of each variant.
macro_rules! choice {
    (
        $(#[$doc:meta])* $name:ident, $what:literal, $takes:literal,
        { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            pub fn parse(text: &str) -> Result<Self, crate::values::ValueError> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(crate::values::ValueError::new($what, $takes, text)),
                }
            }

            pub const fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::values::ValueError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        crate::values::text_value!($name);
    };
}
use choice;

/// A set of texts that may grow: the text of each variant, and one variant for every other text.
macro_rules! open_choice {
    (
        $(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A text that this build does not know, as it came.
            Other(std::sync::Arc<str>),
        }

        impl $name {
            /// The texts that this build knows.
            pub const KNOWN: [&'static str; [$($text),+].len()] = [$($text),+];

            /// The text, if this build knows it: one of [`Self::KNOWN`], and so fit for the label of a metric.
            pub const fn known(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($text),)+
                    Self::Other(_) => None,
                }
            }

            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            fn parse(text: &str) -> Result<Self, crate::values::ValueError> {
                Ok(Self::from(text))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.into()),
                }
            }
        }

        crate::values::text_value!($name);
    };
}
use open_choice;
