use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::ValueError;

/// A time in microseconds since 1970 in UTC: Avro `timestamp-micros`, in JSON RFC 3339 (or the number).
///
/// Arithmetic saturates, and what lies outside the years 0 to 9999 is shown and converted as their nearest end:
/// a stranger's absurd time is an odd time, never a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

const YEAR_0: i64 = -62_167_219_200_000_000;
const END_OF_9999: i64 = 253_402_300_799_999_999;

impl Micros {
    /// Takes RFC 3339.
    ///
    /// # Errors
    /// The text is no time in that form.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        match OffsetDateTime::parse(text, &Rfc3339) {
            Ok(time) => Ok(Self::from_datetime(time)),
            Err(_) => Err(ValueError::new("a time", "RFC 3339, such as 2026-11-23T08:15:00Z", text)),
        }
    }

    /// Rounded down to a microsecond.
    pub fn from_datetime(time: OffsetDateTime) -> Self {
        let micros = time.unix_timestamp_nanos().div_euclid(1_000);
        Self(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
    }

    /// The time, cut to the years 0 to 9999.
    pub fn to_datetime(self) -> OffsetDateTime {
        let micros = self.0.clamp(YEAR_0, END_OF_9999);
        OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::microseconds(micros))
    }

    /// A time in milliseconds since 1970, as Kafka's timestamps are.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Milliseconds since 1970, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The time that much later; earlier where the duration is negative.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = duration.whole_microseconds();
        let micros = i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX });
        Self(self.0.saturating_add(micros))
    }

    /// How long after `earlier` this is; negative where it is before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::microseconds(self.0.saturating_sub(earlier.0))
    }
}

/// RFC 3339 in UTC, always with six decimals, so that texts sort as times do.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.to_datetime().to_offset(UtcOffset::UTC);
        let (year, month, day) = (t.year(), u8::from(t.month()), t.day());
        let (hour, minute, second, micro) = (t.hour(), t.minute(), t.second(), t.microsecond());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
    }
}

impl FromStr for Micros {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::parse(text)
    }
}

impl From<OffsetDateTime> for Micros {
    fn from(time: OffsetDateTime) -> Self {
        Self::from_datetime(time)
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(TimeOrMicros)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

struct TimeOrMicros;

impl Visitor<'_> for TimeOrMicros {
    type Value = Micros;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time as RFC 3339, or as whole microseconds since 1970")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Micros, E> {
        Micros::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, micros: i64) -> Result<Micros, E> {
        Ok(Micros(micros))
    }

    fn visit_u64<E: de::Error>(self, micros: u64) -> Result<Micros, E> {
        i64::try_from(micros).map(Micros).map_err(|_| E::custom("a time takes microseconds of 63 bits"))
    }
}
