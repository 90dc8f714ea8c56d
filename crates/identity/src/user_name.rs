use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use minuet_text::name::is_clear;

const MAX_CHARS: usize = 128;

/// The name of a user, as the `sub` of a token carries it: 1 to 128 visible characters in Unicode's normal form C, no space but
/// U+0020, and none at either end. Two names that look the same are the same. Cheap to clone.
///
/// ```
/// use minuet_identity::UserName;
///
/// assert_eq!(UserName::parse("anna").unwrap().as_str(), "anna");
/// for wrong in ["", " anna", "an\u{200b}na", "a\nb"] {
///     assert!(UserName::parse(wrong).is_err());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

/// The text is no [`UserName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a user's name takes 1 to {MAX_CHARS} visible characters in Unicode's normal form C, no space but U+0020, and none at either end"
)]
pub struct UserNameError;

impl UserName {
    /// Takes the name as it stands. Normalising it could make one user of two.
    ///
    /// # Errors
    /// The name is empty, is too long, has an invisible character, or is not in normal form C.
    pub fn parse(name: &str) -> Result<Self, UserNameError> {
        // In UTF-8 a character has at most four bytes: a huge text is refused without reading it.
        let fits = !name.is_empty() && name.len() <= 4 * MAX_CHARS && name.chars().count() <= MAX_CHARS;
        if fits && name.trim() == name && is_clear(name) {
            Ok(UserName(name.into()))
        } else {
            Err(UserNameError)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(name: &str) -> Result<Self, UserNameError> {
        UserName::parse(name)
    }
}
