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
    /// A time of the event is one that no right clock gives.
    AbsurdTime,
    /// The message is too large to be processed.
    TooLarge,
    /// There is no value where one is needed.
    EmptyBody,
    /// The record does not belong on this topic, or is not the one that `ce_type` names.
    WrongRecord,
    /// The registry does not know the schema's id.
    UnknownSchema,
    /// The value is no event of its schema.
    Undecodable,
    /// A value of a request is not taken any more: see [`Contract::admit`](crate::Contract::admit).
    Inadmissible,
    /// An amount has more decimals than its currency.
    TooManyDecimals,
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
    /// The service decided what its own state does not allow.
    Bug,
    /// An earlier event of the same key is parked.
    WaitsBehind,
}

impl ParkReason {
    /// Every reason, each once.
    pub const ALL: &[Self] = &[
        Self::Key,
        Self::Headers,
        Self::AbsurdTime,
        Self::TooLarge,
        Self::EmptyBody,
        Self::WrongRecord,
        Self::UnknownSchema,
        Self::Undecodable,
        Self::Inadmissible,
        Self::TooManyDecimals,
        Self::Illegal,
        Self::Value,
        Self::Constraint,
        Self::Database,
        Self::CorruptRow,
        Self::NotEncodable,
        Self::Panic,
        Self::Bug,
        Self::WaitsBehind,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Headers => "headers",
            Self::AbsurdTime => "absurd_time",
            Self::TooLarge => "too_large",
            Self::EmptyBody => "empty_body",
            Self::WrongRecord => "wrong_record",
            Self::UnknownSchema => "unknown_schema",
            Self::Undecodable => "undecodable",
            Self::Inadmissible => "inadmissible",
            Self::TooManyDecimals => "too_many_decimals",
            Self::Illegal => "illegal",
            Self::Value => "value",
            Self::Constraint => "constraint",
            Self::Database => "database",
            Self::CorruptRow => "corrupt_row",
            Self::NotEncodable => "not_encodable",
            Self::Panic => "panic",
            Self::Bug => "bug",
            Self::WaitsBehind => "waits_behind",
        }
    }

    /// What has happened, in a sentence for the operator.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Key => "The message has no key, its key is not UTF-8, or its event is about another key.",
            Self::Headers => "A header is missing or wrong; the detail names it.",
            Self::AbsurdTime => {
                "A time of the event lies before 2020, or more than an hour after Kafka's own time of the message."
            }
            Self::TooLarge => {
                "Unpacked, the message takes more than 16 MiB, or more than is kept (4 MiB) and it cannot be read from its topic again."
            }
            Self::EmptyBody => "The message has no value, and its topic is not compacted.",
            Self::WrongRecord => {
                "The record does not belong on this topic, or `ce_type` names another record."
            }
            Self::UnknownSchema => {
                "The schema registry knows no schema of this id, or did not answer in time."
            }
            Self::Undecodable => "The value is no event of the schema that it names.",
            Self::Inadmissible => {
                "A name in the request is not taken today; the detail says which names are."
            }
            Self::TooManyDecimals => {
                "An amount has more decimals than its currency; the detail names the amount and the currency."
            }
            Self::Illegal => "The state of the event's subject allows no such event.",
            Self::Value => "The database refused a value of the event, such as a number out of range.",
            Self::Constraint => "A constraint of the database refused the event's effect.",
            Self::Database => "A column of the database has another type than the service expects.",
            Self::CorruptRow => "A row that the event needs holds a value that the service never writes.",
            Self::NotEncodable => "An event that follows from this one does not fit its schema.",
            Self::Panic => "The service's code panicked on this event.",
            Self::Bug => "The service contradicted itself on this event.",
            Self::WaitsBehind => {
                "An earlier event of the same topic and key is parked. Nothing is wrong with this one."
            }
        }
    }

    /// What the operator can do, in a sentence or two.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Key => {
                "Have the producer send the event again with its own key, then discard this message."
            }
            Self::Headers => {
                "Have the producer send the event again with right headers, then discard this message."
            }
            Self::AbsurdTime => {
                "Have the producer set its clock and send the event again, then discard this message."
            }
            Self::TooLarge => {
                "If the detail says that Kafka did not answer, redrive. Else discard this message and find out who sends such messages: no event of the contract is so large."
            }
            Self::EmptyBody => {
                "Have the producer send the event again with its value, then discard this message."
            }
            Self::WrongRecord => {
                "Have the producer send the event to the topic that takes its record, with the right `ce_type`; then discard this message."
            }
            Self::UnknownSchema => {
                "If the registry was away or has lost the schema, bring it back and redrive. If the id is made up, discard this message."
            }
            Self::Undecodable => {
                "Have the producer encode with a schema that the contract can read and send the event again; then discard this message."
            }
            Self::Inadmissible => {
                "Have the producer send the request again with a name that is taken, then discard this message."
            }
            Self::TooManyDecimals => {
                "Have the producer send the event again with an amount that fits its currency, then discard this message."
            }
            Self::Illegal => {
                "Look at the events of this key. If an earlier event is missing or parked, settle that one and redrive; else discard this message."
            }
            Self::Value => {
                "Have the producer send a value within the contract's limits, then discard this message."
            }
            Self::Constraint => {
                "Read the constraint's name in the detail and mend the rows that it is about; then redrive. Discard the message if its effect must not happen."
            }
            Self::Database => "Apply the migrations of the release that runs, then redrive.",
            Self::CorruptRow => "Mend the row that the detail names, or restore it; then redrive.",
            Self::NotEncodable => "Report the detail as a bug; redrive with a release that mends it.",
            Self::Panic => "Report the detail as a bug; redrive with a release that mends it.",
            Self::Bug => "Report the detail as a bug; redrive with a release that mends it.",
            Self::WaitsBehind => {
                "Redrive or discard the first parked event of this key. A redrive takes those behind it along; after a discard, redrive this one."
            }
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
