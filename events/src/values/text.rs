//! Names that people and other systems choose. Cheap to clone: one event names a sku many times.
//!
//! A name has two rules. [`Sku::parse`] is the contract's: whatever was taken once can be read for ever. [`Sku::admit`] is the
//! narrower one for what comes in today: two names that look the same are the same, and no character is invisible.

use std::sync::Arc;

use minuet_text::name::{is_clear, normalized};

use super::{ValueError, text_value};

macro_rules! text {
    (
        $(#[$doc:meta])* $name:ident, $what:literal, at most $max:literal characters,
        reads $reads:literal if $accepts:expr, takes $takes:literal
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads a name that was taken before, as it stands.
            pub fn parse(text: &str) -> Result<Self, ValueError> {
                let accepts: fn(&str) -> bool = $accepts;
                if printable(text, $max) && accepts(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(ValueError::new($what, $reads, text))
                }
            }

            /// Takes in a name that somebody chose, in Unicode's normal form C.
            pub fn admit(text: &str) -> Result<Self, ValueError> {
                let refused = || ValueError::new($what, $takes, text);
                // One character may be several before it is normalised.
                if text.len() > $max * 16 {
                    return Err(refused());
                }
                let name = Self::parse(&normalized(text)).map_err(|_| refused())?;
                name.check_admissible().map_err(|_| refused())?;
                Ok(name)
            }

            /// Whether [`Self::admit`] would take the name as it stands.
            pub fn check_admissible(&self) -> Result<(), ValueError> {
                if is_clear(&self.0) && self.0.trim() == &*self.0 {
                    Ok(())
                } else {
                    Err(ValueError::new($what, $takes, &*self.0))
                }
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
    UserId, "user_id", at most 128 characters,
    reads "1 to 128 characters, none of them a control character" if |_| true,
    takes "1 to 128 visible characters in Unicode's normal form C, no space but U+0020, none at either end"
);
text!(
    /// A product's key in the catalogue and in the stock.
    Sku, "sku", at most 64 characters,
    reads "1 to 64 characters, no control character, no white space at either end" if |text| text.trim() == text,
    takes "1 to 64 visible characters in Unicode's normal form C, no space but U+0020, none at either end"
);
text!(
    /// A warehouse.
    WarehouseCode, "warehouse_code", at most 32 characters,
    reads "1 to 32 characters, no control character, no white space at either end" if |text| text.trim() == text,
    takes "1 to 32 visible characters in Unicode's normal form C, no space but U+0020, none at either end"
);

/// The byte length is looked at first: a stranger's megabyte is refused without reading it.
fn printable(text: &str, max_chars: usize) -> bool {
    !text.is_empty()
        && text.len() <= max_chars * 4
        && text.chars().count() <= max_chars
        && !text.chars().any(char::is_control)
}
