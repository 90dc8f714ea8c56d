//! Words for the user: results on stdout, everything else on stderr. A reader that went away (`| head`) is no error.

use std::error::Error;
use std::io::{self, Write};

use minuet_telemetry::error_chain;

pub(crate) fn print(line: impl AsRef<str>) {
    written(writeln!(io::stdout(), "{}", line.as_ref()));
}

pub(crate) fn note(line: impl AsRef<str>) {
    written(writeln!(io::stderr(), "{}", line.as_ref()));
}

/// The error and its chain of causes.
pub(crate) fn complain(error: &dyn Error) {
    note(format!("minuet: {}", error_chain(error)));
}

/// There is nobody to tell where stderr is gone as well.
fn written(result: io::Result<()>) {
    drop(result);
}
