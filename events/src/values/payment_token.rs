use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ValueError, from_text};

/// What the shop's front end got from the payment provider in exchange for card data. Who holds it may charge with it, so that
/// neither `Debug` nor an error shows it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PaymentToken(Arc<str>);

impl PaymentToken {
    pub const MAX_CHARS: usize = 255;

    /// # Errors
    /// The text is empty, longer than [`PaymentToken::MAX_CHARS`], or has another character than the printable ones of ASCII.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > Self::MAX_CHARS || !is_printable {
            let takes = "1 to 255 printable characters of ASCII, no space";
            return Err(ValueError::new("payment_token", takes, "a text that is not shown"));
        }
        Ok(PaymentToken(text.into()))
    }

    /// The token itself: for the provider and for the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentToken(***)")
    }
}

impl std::str::FromStr for PaymentToken {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        PaymentToken::parse(text)
    }
}

impl Serialize for PaymentToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for PaymentToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_nowhere() {
        let token = PaymentToken::parse("pm_card_visa").unwrap();
        assert_eq!(format!("{token:?}"), "PaymentToken(***)");
        let error = PaymentToken::parse("pm card").unwrap_err();
        assert!(!error.to_string().contains("pm card"), "{error}");
    }

    #[test]
    fn a_token_has_1_to_255_printable_characters() {
        assert!(PaymentToken::parse(&"t".repeat(255)).is_ok());
        for refused in ["", "a b", "a\n", "ü", &"t".repeat(256)] {
            assert!(PaymentToken::parse(refused).is_err(), "{refused:?}");
        }
    }
}
