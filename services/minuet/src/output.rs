//! Words for the user: results on stdout, everything else on stderr. Strangers' text in them is escaped. A reader that went away
//! (`| head`) is no error.

use std::error::Error;
use std::io::{self, BufWriter, Stdout, Write};

use minuet_telemetry::error_chain;
use minuet_text::{Escaping, escaped};

pub(crate) fn print(line: impl AsRef<str>) {
    written(writeln!(io::stdout(), "{}", escaped(line.as_ref())));
}

pub(crate) fn note(line: impl AsRef<str>) {
    written(writeln!(io::stderr(), "{}", escaped(line.as_ref())));
}

/// For results that are many.
pub(crate) fn results() -> BufWriter<Escaping<Stdout>> {
    BufWriter::new(Escaping::new(io::stdout()))
}

/// The error and its chain of causes.
pub(crate) fn complain(error: &dyn Error) {
    note(format!("minuet: {}", error_chain(error)));
}

/// There is nobody to tell where stderr is gone as well.
fn written(result: io::Result<()>) {
    drop(result);
}
