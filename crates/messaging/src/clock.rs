use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use minuet_envelope::Micros;
use time::OffsetDateTime;

/// Where a service reads the time. Tests own theirs, so that a quarter of an hour passes at once.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Microseconds since 1970, moved by whoever holds the other end.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn now(&self) -> Micros {
        match self {
            Clock::System => Micros::from_datetime(OffsetDateTime::now_utc()),
            Clock::Manual(micros) => Micros(micros.load(Ordering::SeqCst)),
        }
    }
}
