//! Why a message is set aside.

use std::fmt;

/// Why a message is set aside instead of processed. [`ParkReason::code`] is stable: it lies in tables and events, filters
/// commands and labels metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParkReason {
    /// The key is missing, no UTF-8, or not the event's.
    Key,
    /// A header is missing or wrong.
    Headers,
    /// There is no value where one is needed.
    EmptyBody,
    /// The record does not belong on this topic, or is not the one that `ce_type` names.
    WrongRecord,
    /// The registry does not know the schema's id.
    UnknownSchema,
    /// The value is no event of its schema.
    Undecodable,
    /// The domain knows no reaction to this event in this state.
    Illegal,
    /// The database does not take a value of the event.
    Value,
    /// The event breaks a constraint of the database.
    Constraint,
    /// A statement failed for good, by no fault of a value.
    Database,
    /// A row holds what the types cannot.
    CorruptRow,
    /// An event that this one caused does not fit its schema.
    NotEncodable,
    /// The code panicked.
    Panic,
    /// An earlier event of the same key is parked.
    WaitsBehind,
}

impl ParkReason {
    /// Every reason, each once.
    pub const ALL: &[Self] = &[
        Self::Key,
        Self::Headers,
        Self::EmptyBody,
        Self::WrongRecord,
        Self::UnknownSchema,
        Self::Undecodable,
        Self::Illegal,
        Self::Value,
        Self::Constraint,
        Self::Database,
        Self::CorruptRow,
        Self::NotEncodable,
        Self::Panic,
        Self::WaitsBehind,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Headers => "headers",
            Self::EmptyBody => "empty_body",
            Self::WrongRecord => "wrong_record",
            Self::UnknownSchema => "unknown_schema",
            Self::Undecodable => "undecodable",
            Self::Illegal => "illegal",
            Self::Value => "value",
            Self::Constraint => "constraint",
            Self::Database => "database",
            Self::CorruptRow => "corrupt_row",
            Self::NotEncodable => "not_encodable",
            Self::Panic => "panic",
            Self::WaitsBehind => "waits_behind",
        }
    }

    /// The reason of a code. `None`: a later release knows it, or no release.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for ParkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
