use std::borrow::Cow;
use std::error::Error;

use minuet_text::secret::shown_urls;

/// An error and its causes in one line, the outermost first, separated by `: `. A cause whose text the line already has is
/// left out, since some errors repeat their cause. URLs show no user, password and query: errors of other libraries name the
/// URL that was asked.
///
/// ```
/// use std::io;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("cannot read keys.json")]
/// struct ReadError(#[source] io::Error);
///
/// let error = ReadError(io::Error::other("disk failure"));
/// assert_eq!(minuet_telemetry::error_chain(&error), "cannot read keys.json: disk failure");
/// ```
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let detail = cause.to_string();
        if !text.contains(&detail) {
            text.push_str(": ");
            text.push_str(&detail);
        }
        next = cause.source();
    }
    match shown_urls(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}
