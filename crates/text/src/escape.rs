//! Text on its way to a person: a character that is not seen becomes `\u202e`, in JSON's notation, so that escaped JSON is the
//! same JSON.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::characters::is_visible;

/// The text with every character escaped that is not seen. Line feeds and tabs stay: see [`escaped_line`].
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// As [`escaped`], on one line.
pub fn escaped_line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`escaped_line`], but for the escape character: a line that its writer has coloured.
pub fn escaped_colours(line: &str) -> Cow<'_, str> {
    escape(line, |c| c == '\u{1b}')
}

fn escape(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let shown = |c: char| is_visible(c) || stays(c);
    let Some(first) = text.find(|c| !shown(c)) else { return Cow::Borrowed(text) };
    let (plain, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(plain);
    for c in rest.chars() {
        if shown(c) { out.push(c) } else { push_escape(&mut out, c) }
    }
    Cow::Owned(out)
}

fn push_escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A String takes everything.
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

/// A writer of text for people: escapes as [`escaped`] does. Bytes that are not UTF-8 become U+FFFD.
pub struct Escaping<W> {
    to: W,
    /// The beginning of a character whose rest is still to be written.
    partial: Vec<u8>,
}

impl<W: Write> Escaping<W> {
    /// A writer in front of `to`.
    pub fn new(to: W) -> Self {
        Escaping { to, partial: Vec::new() }
    }

    fn write_text(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.utf8_chunks() {
            self.to.write_all(escaped(chunk.valid()).as_bytes())?;
            if !chunk.invalid().is_empty() {
                self.to.write_all("\u{fffd}".as_bytes())?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut joined = std::mem::take(&mut self.partial);
        let all = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        let (whole, partial) = all.split_at(all.len() - unfinished(all));
        self.partial = partial.to_vec();
        self.write_text(whole)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let partial = std::mem::take(&mut self.partial);
        self.write_text(&partial)?;
        self.to.flush()
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => 0,
        Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
        // Wrong bytes come first: look behind them.
        Err(error) => {
            let behind = error.valid_up_to() + error.error_len().unwrap_or(1);
            unfinished(&bytes[behind..])
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped() {
        assert_eq!(escaped("caf\u{e9} \u{1fad6}\n\tx"), "caf\u{e9} \u{1fad6}\n\tx");
        assert_eq!(
            escaped("a\u{202e}b\u{200b}c\u{ad}\u{1b}[2J\u{7f}\r"),
            r"a\u202eb\u200bc\u00ad\u001b[2J\u007f\r"
        );
        assert_eq!(escaped("\u{e0041}"), r"\udb40\udc41");
        assert_eq!(escaped_line("a\nb"), r"a\nb");
        assert_eq!(escaped_colours("\u{1b}[31mred\u{202e}"), "\u{1b}[31mred\\u202e");
    }

    #[test]
    fn a_character_may_be_written_in_parts() {
        let mut out = Escaping::new(Vec::new());
        for byte in "a\u{202e}\u{1fad6}".as_bytes().chunks(1) {
            out.write_all(byte).unwrap();
        }
        out.write_all(b"\xff|\xe2\x80").unwrap();
        out.flush().unwrap();
        assert_eq!(String::from_utf8(out.to).unwrap(), "a\\u202e\u{1fad6}\u{fffd}|\u{fffd}");
    }

    proptest! {
        #[test]
        fn escaped_json_is_the_same_json(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let shown = escaped(&json);
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), Value::String(text));
            prop_assert!(shown.chars().all(is_visible));
        }

        #[test]
        fn writing_in_parts_is_writing_at_once(text in any::<String>(), cut in 0usize..100) {
            let (mut parts, bytes) = (Escaping::new(Vec::new()), text.as_bytes());
            for part in bytes.chunks(cut + 1) {
                parts.write_all(part).unwrap();
            }
            parts.flush().unwrap();
            prop_assert_eq!(String::from_utf8(parts.to).unwrap(), escaped(&text).into_owned());
        }
    }
}
