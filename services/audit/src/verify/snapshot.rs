//! The books at a point of the topics, so that the next audit need not begin at the beginning.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::books::Books;
use crate::AuditError;
use crate::log::{Log, Selection};
use crate::record::Topics;

/// Raised when what is remembered changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot {
    version: u32,
    topics: Topics,
    /// The next offset of each partition, under `topic/partition`.
    next: BTreeMap<String, i64>,
    books: Books,
}

fn wrong(path: &Path, detail: impl ToString) -> AuditError {
    AuditError::Snapshot { path: path.to_owned(), detail: detail.to_string() }
}

impl Snapshot {
    pub(super) fn open(path: &Path, log: &Log) -> Result<Snapshot, AuditError> {
        let file = File::open(path).map_err(|error| wrong(path, error))?;
        let snapshot: Snapshot =
            serde_json::from_reader(BufReader::new(file)).map_err(|error| wrong(path, error))?;
        if snapshot.version != VERSION {
            return Err(wrong(
                path,
                format!("it has version {}, this build reads {VERSION}", snapshot.version),
            ));
        }
        // Its positions hold the numbers of these topics.
        if !log.topics.0.starts_with(&snapshot.topics.0) {
            return Err(wrong(path, "it was taken of other topics"));
        }
        Ok(snapshot)
    }

    /// Reading goes on where it ended.
    pub(super) fn continue_in(self, selection: &mut Selection, topics: &Topics) -> Result<Books, AuditError> {
        for (position, slice) in selection.positions.iter().zip(&mut selection.slices) {
            let name = format!("{}/{}", topics.name(*position), slice.partition);
            let next = self.next.get(&name).copied().unwrap_or(0);
            if next < slice.offsets.start {
                let detail = format!("{name} has been cut off between the snapshot's end and now");
                return Err(AuditError::Snapshot { path: "snapshot".into(), detail });
            }
            slice.offsets.start = next.min(slice.offsets.end);
        }
        Ok(self.books.indexed())
    }
}

pub(super) fn save(
    path: &Path,
    books: &Books,
    selection: &Selection,
    topics: &Topics,
) -> Result<(), AuditError> {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        version: u32,
        topics: &'a Topics,
        next: BTreeMap<String, i64>,
        books: &'a Books,
    }
    let next = selection.positions.iter().zip(&selection.slices).map(|(position, slice)| {
        (format!("{}/{}", topics.name(*position), slice.partition), slice.offsets.end)
    });
    let snapshot = Borrowed { version: VERSION, topics, next: next.collect(), books };
    let mut file = BufWriter::new(File::create(path).map_err(|error| wrong(path, error))?);
    serde_json::to_writer(&mut file, &snapshot).map_err(|error| wrong(path, error))?;
    file.flush().map_err(|error| wrong(path, error))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::verify::account::Account;

    /// A snapshot of an earlier build stays readable: a field may be renamed in Rust only.
    #[test]
    fn the_fields_of_a_snapshot_keep_their_names() {
        let books = serde_json::to_value(Books::default()).unwrap();
        let account = serde_json::to_value(Account::default()).unwrap();
        let has = |of: &Value, name: &str| of.as_object().is_some_and(|fields| fields.contains_key(name));
        assert!(has(&books, "odd") && has(&books, "shelves"), "{books}");
        assert!(has(&account, "story"), "{account}");
    }
}
