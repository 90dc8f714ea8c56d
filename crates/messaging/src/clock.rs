mod broker_clock;
mod reading;
mod service_clock;
mod skew_log;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use minuet_envelope::Micros;
use time::OffsetDateTime;

pub(crate) use broker_clock::BrokerClock;
pub(crate) use service_clock::{DATABASE_TIME, ServiceClock};

/// The clock of a service. Tests use [`Clock::Manual`], so that a quarter of an hour passes at once.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The database's clock; the machine's until the database was asked for the first time.
    #[default]
    System,
    /// Microseconds since 1970 (UTC). The holder of the other `Arc` moves the time.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The time of the machine, or the manual one.
    pub fn now(&self) -> Micros {
        match self {
            Clock::System => Micros::from_datetime(OffsetDateTime::now_utc()),
            Clock::Manual(micros) => Micros(micros.load(Ordering::SeqCst)),
        }
    }
}
