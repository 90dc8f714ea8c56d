use std::error::Error;

/// An error and its causes in one line, the outermost first, separated by `: `. A cause whose text the line already has is
/// left out, since some errors repeat their cause.
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
    text
}
