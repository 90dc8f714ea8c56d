use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use minuet_envelope::Micros;
use time::OffsetDateTime;

/// The clock of a service. Tests use [`Clock::Manual`], so that a quarter of an hour passes at once.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Microseconds since 1970 (UTC). The holder of the other `Arc` moves the time.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The current time of this clock.
    pub fn now(&self) -> Micros {
        match self {
            Clock::System => Micros::from_datetime(OffsetDateTime::now_utc()),
            Clock::Manual(micros) => Micros(micros.load(Ordering::SeqCst)),
        }
    }
}
