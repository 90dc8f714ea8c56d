use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{Currency, Quantity, ValueError, from_text};

/// An amount of money: 0 or more, at most four decimals, fits `decimal(19,4)`. Its currency stands beside it.
///
/// Whether it fits that currency is a question of its own ([`Amount::fits`]), since events of the past may hold amounts that do
/// not. Zeros at the end count for nothing: `10.500` is `10.50`.
///
/// Avro: `bytes` with the unscaled value in two's complement, big-endian, shortest form. JSON: a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

const WHAT: &str = "an amount";
const TAKES: &str = "0 to 999999999999999.9999 with at most four decimals";

const SCALE: u32 = 4;
/// 10^19 - 1, the greatest unscaled value of `decimal(19,4)`. It needs 9 bytes with its sign.
const MAX_UNSCALED: i128 = 9_999_999_999_999_999_999;
const MAX_BYTES: usize = 9;

impl Amount {
    pub const ZERO: Self = Self(Decimal::ZERO);

    pub fn new(value: Decimal) -> Result<Self, ValueError> {
        // At scale 4 always, so that equal amounts have equal bytes and texts whatever way they came.
        let mut scaled = value.normalize();
        if scaled.scale() <= SCALE {
            scaled.rescale(SCALE);
        }
        // Rescaling stops short of the asked scale where the mantissa would overflow.
        let amount = if scaled.scale() == SCALE { Self::from_unscaled(scaled.mantissa()) } else { None };
        amount.ok_or_else(|| ValueError { what: WHAT, takes: TAKES, found: value.to_string() })
    }

    /// Takes plain digits, such as `12.50`: no sign, no exponent, no thousands, digits on both sides of a point.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let value = if is_plain(text) { Decimal::from_str_exact(text).ok() } else { None };
        value.and_then(|value| Self::new(value).ok()).ok_or_else(|| ValueError::new(WHAT, TAKES, text))
    }

    pub const fn get(self) -> Decimal {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// `None` where the sum does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_add(other.0)?).ok()
    }

    /// `None` where the other is greater.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_sub(other.0)?).ok()
    }

    /// The price of so many pieces; `None` where it does not fit.
    pub fn times(self, quantity: Quantity) -> Option<Self> {
        Self::new(self.0.checked_mul(Decimal::from(quantity.get()))?).ok()
    }

    /// Whether the currency has as many decimals as the amount: every yen is whole, a euro has cents.
    pub fn fits(self, currency: Currency) -> bool {
        self.0.normalize().scale() <= currency.decimals()
    }

    /// As [`Amount::fits`]; an error names the value, the amount and the currency.
    pub fn check_fits(self, what: &'static str, currency: Currency) -> Result<(), ValueError> {
        if self.fits(currency) {
            return Ok(());
        }
        let takes = match currency.decimals() {
            0 => "no decimals in this currency",
            1 => "at most 1 decimal in this currency",
            2 => "at most 2 decimals in this currency",
            3 => "at most 3 decimals in this currency",
            _ => "at most 4 decimals in this currency",
        };
        Err(ValueError { what, takes, found: format!("{} {currency}", self.0.normalize()) })
    }

    /// See [`Currency::show`].
    pub fn shown_in(self, currency: Currency) -> String {
        currency.show(self.0)
    }

    fn from_unscaled(unscaled: i128) -> Option<Self> {
        (0..=MAX_UNSCALED).contains(&unscaled).then(|| Self(Decimal::from_i128_with_scale(unscaled, SCALE)))
    }
}

fn is_plain(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, decimals) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    text.len() <= 40 && digits(whole) && decimals.is_none_or(digits)
}

impl Default for Amount {
    fn default() -> Self {
        Self::ZERO
    }
}

/// Of no known currency: at least two decimals, more only where they count: `12.50`, `0.0001`. See [`Amount::shown_in`].
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.normalize();
        if shown.scale() < 2 {
            shown.rescale(2);
        }
        shown.fmt(f)
    }
}

impl FromStr for Amount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::parse(text)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let bytes = self.0.mantissa().to_be_bytes();
        // Never negative: leading zeros go, as long as the sign bit that is left stays 0.
        let leading = bytes.iter().take_while(|byte| **byte == 0).count();
        let start = if bytes.get(leading).is_some_and(|byte| *byte < 0x80) { leading } else { leading - 1 };
        serializer.serialize_bytes(&bytes[start..])
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            from_text(deserializer)
        } else {
            deserializer.deserialize_bytes(Unscaled)
        }
    }
}

struct Unscaled;

impl Visitor<'_> for Unscaled {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a decimal(19,4)")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Amount, E> {
        let refused = |found: String| E::custom(ValueError { what: WHAT, takes: TAKES, found });
        let Some(first) = bytes.first().filter(|_| bytes.len() <= MAX_BYTES) else {
            return Err(refused(format!("{} bytes", bytes.len())));
        };
        let sign: i128 = if *first >= 0x80 { -1 } else { 0 };
        let unscaled = bytes.iter().fold(sign, |value, byte| value << 8 | i128::from(*byte));
        Amount::from_unscaled(unscaled).ok_or_else(|| refused(format!("{unscaled} ten-thousandths")))
    }
}
