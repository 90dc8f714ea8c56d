//! Lines with their numbers, from a file or stdin.

use std::os::fd::AsFd;
use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};

use super::line::LineError;

/// A message of more than 1 MiB is refused by the broker in any case; JSON is some times longer than Avro.
const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

pub(super) struct Lines {
    input: Box<dyn AsyncBufRead + Send + Unpin>,
    /// What of the next line was read already: [`Lines::next`] may be dropped half-way.
    partial: Vec<u8>,
    number: u64,
    skipping: bool,
}

/// A line's number, and the line unless it is too long.
pub(super) type Numbered = (u64, Result<Vec<u8>, LineError>);

impl Lines {
    /// `None` or `-`: stdin.
    pub(super) async fn open(path: Option<&Path>) -> std::io::Result<Lines> {
        match path {
            Some(path) if path != Path::new("-") => Ok(Lines::new(BufReader::new(File::open(path).await?))),
            _ => {
                let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
                Ok(Lines::new(BufReader::new(File::from_std(stdin.into()))))
            }
        }
    }

    fn new(input: impl AsyncBufRead + Send + Unpin + 'static) -> Lines {
        Lines { input: Box::new(input), partial: vec![], number: 0, skipping: false }
    }

    /// The next line that is not empty, without its end. None at the end. May be dropped and called again.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Numbered>> {
        loop {
            let room = (MAX_LINE_BYTES + 1).saturating_sub(self.partial.len() as u64);
            (&mut self.input).take(room).read_until(b'\n', &mut self.partial).await?;
            let ended = self.partial.last() == Some(&b'\n');
            let too_long = !ended && self.partial.len() as u64 > MAX_LINE_BYTES;
            let line = std::mem::take(&mut self.partial);
            if self.skipping {
                // The rest of a line that was reported already.
                self.skipping = too_long;
                if line.is_empty() {
                    return Ok(None);
                }
                continue;
            }
            if line.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            if too_long {
                self.skipping = true;
                return Ok(Some((self.number, Err(LineError::TooLong { limit: MAX_LINE_BYTES }))));
            }
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Ok(Some((self.number, Ok(line.to_vec()))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: Vec<u8>) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::new(BufReader::new(std::io::Cursor::new(text)));
        let mut all = vec![];
        while let Some((number, line)) = lines.next().await.expect("a cursor does not fail") {
            all.push((number, line.ok().map(|line| String::from_utf8(line).expect("UTF-8"))));
        }
        all
    }

    #[tokio::test]
    async fn numbers_count_empty_lines_too() {
        let lines = all(b"a\n\n  \r\nb\r\nc".to_vec()).await;
        let expected = [(1, "a"), (4, "b"), (5, "c")].map(|(number, line)| (number, Some(line.to_owned())));
        assert_eq!(lines, expected);
    }

    #[tokio::test]
    async fn a_line_without_end_does_not_fill_the_memory() {
        let mut text = vec![b'x'; 10 * 1024 * 1024];
        text.extend_from_slice(b"\nafter");
        assert_eq!(all(text).await, [(1, None), (2, Some("after".to_owned()))]);
    }
}
