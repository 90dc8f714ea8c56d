use std::fmt;

use minuet_text::escape::escaped_line;
use uuid::Uuid;

/// The longest excerpt of a wrong value that an error repeats, in characters.
const MAX_EXCERPT: usize = 80;

/// A value that its type does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} takes {takes}, not {found}")]
pub struct ValueError {
    /// The value's name in the contract, such as `quantity`.
    pub what: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What was given, escaped and cut off.
    pub found: String,
}

impl ValueError {
    /// `found` is escaped and cut to one line: a stranger's text ends in logs and problem details.
    pub fn new(what: &'static str, takes: &'static str, found: impl fmt::Debug) -> Self {
        // Some letters have no glyph, and pass Debug.
        let mut found = escaped_line(&format!("{found:?}")).into_owned();
        if found.chars().count() > MAX_EXCERPT {
            found = found.chars().take(MAX_EXCERPT).chain(['…']).collect();
        }
        Self { what, takes, found }
    }
}

/// A UUID in its hyphenated form, in either case. `what` names the value in the error.
///
/// Other forms are refused: a key is compared as text, so two spellings of one id would be two keys.
///
/// # Errors
/// The text is no hyphenated UUID.
pub fn parse_uuid(what: &'static str, text: &str) -> Result<Uuid, ValueError> {
    let parsed = if text.len() == uuid::fmt::Hyphenated::LENGTH { Uuid::try_parse(text).ok() } else { None };
    parsed.ok_or_else(|| ValueError::new(what, "a UUID in its hyphenated form", text))
}
