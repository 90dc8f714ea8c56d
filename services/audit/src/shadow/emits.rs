//! The event that a decision leads to.

use minuet_events::{Event, ids};
use minuet_messaging::Cause;
use uuid::Uuid;

use crate::record::Record;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Emits {
    pub(super) cause: Cause,
    pub(super) event: Event,
    pub(super) sequence: Option<i64>,
}

impl Emits {
    pub(super) fn id(&self) -> Uuid {
        ids::derive(self.cause.id, self.cause.time, self.event.event_type(), 0)
    }

    pub(super) fn is(&self, recorded: &Record) -> bool {
        let head = &recorded.head;
        head.cause == Some(self.cause.id)
            && head.sequence == self.sequence
            && head.id == self.id()
            && recorded.event == self.event
    }
}
