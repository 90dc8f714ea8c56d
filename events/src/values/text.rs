//! Names that people and other systems choose. Cheap to clone: one event names a sku many times.

use std::sync::Arc;

use super::{ValueError, text_value};

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $takes:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, ValueError> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) { Ok(Self(text.into())) } else { Err(ValueError::new($what, $takes, text)) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        text_value!($name);
    };
}

text!(
    /// A user, named by whoever signs the tokens.
    UserId,
    "user_id",
    "1 to 128 characters, none of them a control character",
    |text| printable(text, 128)
);
text!(
    /// A product's key in the catalogue and in the stock.
    Sku,
    "sku",
    "1 to 64 characters, no control character, no white space at either end",
    |text| printable(text, 64) && text.trim() == text
);
text!(
    /// A warehouse.
    WarehouseCode,
    "warehouse_code",
    "1 to 32 characters, no control character, no white space at either end",
    |text| printable(text, 32) && text.trim() == text
);

/// The byte length is looked at first: a stranger's megabyte is refused without reading it.
fn printable(text: &str, max_chars: usize) -> bool {
    !text.is_empty()
        && text.len() <= max_chars * 4
        && text.chars().count() <= max_chars
        && !text.chars().any(char::is_control)
}
