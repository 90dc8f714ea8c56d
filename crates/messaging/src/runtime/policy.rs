//! What an error means: one table.
//!
//! | kind | for example | what follows |
//! |---|---|---|
//! | transient | database or broker away, a right or a migration missing, serialization failure, deadlock, lock timeout, a lost race | retried with back-off, for ever; nothing is parked |
//! | fenced | another instance took the shard | the events of that shard are left to it |
//! | permanent | a constraint violated, a value that does not fit | the batch is halved until the event stands alone; tried again a bounded number of times; parked |
//! | bug | a panic, a decision that its state does not allow | as permanent; the process lives on |

use std::time::Duration;

use minuet_envelope::ParkReason;

use crate::ReactError;

impl ReactError {
    /// Whether a retry may succeed without a change of code or data.
    pub fn is_transient(&self) -> bool {
        verdict(self) == Verdict::Transient
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Transient,
    Fenced,
    /// The reason of the dead letter.
    Permanent(ParkReason),
}

pub(crate) fn verdict(error: &ReactError) -> Verdict {
    match error {
        ReactError::Database(e) => database(e),
        ReactError::LostRace { .. } => Verdict::Transient,
        ReactError::Fenced(_) => Verdict::Fenced,
        ReactError::Encode(_) => Verdict::Permanent(ParkReason::NotEncodable),
        ReactError::Corrupt { .. } => Verdict::Permanent(ParkReason::CorruptRow),
        ReactError::Panic(_) => Verdict::Permanent(ParkReason::Panic),
        ReactError::Bug(_) => Verdict::Permanent(ParkReason::Bug),
    }
}

/// Permanent are only errors of the event itself: a value that does not fit (class 22), a constraint (class 23), a row
/// that cannot be decoded. Everything else can be repaired outside (a password, a right, a migration, a full disk) and
/// must not park good events: https://www.postgresql.org/docs/15/errcodes-appendix.html
fn database(error: &sqlx::Error) -> Verdict {
    match error {
        sqlx::Error::Database(e) => match e.code().as_deref() {
            Some(code) if code.starts_with("22") => Verdict::Permanent(ParkReason::Value),
            Some(code) if code.starts_with("23") => Verdict::Permanent(ParkReason::Constraint),
            _ => Verdict::Transient,
        },
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. } => Verdict::Permanent(ParkReason::Database),
        _ => Verdict::Transient,
    }
}

/// Back-off with jitter: 50 ms, doubling, at most 5 s.
pub(crate) fn back_off(attempt: u32) -> Duration {
    let base = 50_u64.saturating_mul(1 << attempt.min(7)).min(5_000);
    let jitter = uuid::Uuid::new_v4().as_u128() as u64 % (base / 2 + 1);
    Duration::from_millis(base / 2 + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_is_no_poison() {
        let away = ReactError::Database(sqlx::Error::PoolTimedOut);
        assert_eq!(verdict(&away), Verdict::Transient);
        assert_eq!(verdict(&ReactError::LostRace { table: "orders" }), Verdict::Transient);
        assert_eq!(verdict(&ReactError::Panic("x".into())), Verdict::Permanent(ParkReason::Panic));
        assert_eq!(verdict(&ReactError::Bug("x".into())), Verdict::Permanent(ParkReason::Bug));
    }

    #[test]
    fn back_off_grows_and_stays_bounded() {
        assert!(back_off(0) <= Duration::from_millis(50));
        assert!((0..100).all(|attempt| back_off(attempt) <= Duration::from_secs(5)));
    }
}
