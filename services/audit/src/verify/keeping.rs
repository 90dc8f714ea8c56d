//! Puts what is read into the books.

use minuet_events::ResolveError;
use minuet_events::values::Micros;
use minuet_messaging::Message;
use time::OffsetDateTime;

use super::books::Books;
use crate::AuditError;
use crate::decode::{Content, Decoder};
use crate::record::{Malformed, Position, Topics};

type Read = Result<Result<Content, Malformed>, ResolveError>;

pub(super) fn decode(
    decoder: &Decoder<'_>,
    topics: &Topics,
    message: &Message<'_>,
    position: Position,
) -> Read {
    decoder.decode(message, position, topics.name(position))
}

/// The books, and what goes into them.
pub(super) struct Keeping<'a> {
    pub(super) books: Books,
    pub(super) topics: &'a Topics,
    pub(super) strict: bool,
}

impl Keeping<'_> {
    pub(super) fn take(&mut self, read: Read) -> Result<(), AuditError> {
        match read? {
            Ok(Content::Event(record)) => self.books.see(&record),
            Ok(Content::Tombstone { .. }) => self.books.counts.events += 1,
            Err(malformed) if self.strict => {
                let (position, Malformed { code, detail, .. }) =
                    (self.topics.show(malformed.position), malformed);
                return Err(AuditError::Strict { position, detail: format!("{code}: {detail}") });
            }
            Err(malformed) => self.books.malformed(&malformed),
        }
        Ok(())
    }
}

pub(super) fn now() -> Micros {
    Micros::from_datetime(OffsetDateTime::now_utc())
}
