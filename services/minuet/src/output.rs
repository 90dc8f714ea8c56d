//! Words for the user: results on stdout, everything else on stderr. A reader that went away (`| head`) is no error.

use std::error::Error;
use std::io::{self, Write};

pub(crate) fn print(line: impl AsRef<str>) {
    written(writeln!(io::stdout(), "{}", line.as_ref()));
}

pub(crate) fn note(line: impl AsRef<str>) {
    written(writeln!(io::stderr(), "{}", line.as_ref()));
}

/// The error and its chain of causes.
pub(crate) fn complain(error: &dyn Error) {
    note(format!("minuet: {}", chain(error)));
}

pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// There is nobody to tell where stderr is gone as well.
fn written(result: io::Result<()>) {
    drop(result);
}
