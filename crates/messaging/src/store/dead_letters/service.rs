//! Operations on the dead letters of a service: list, redrive, discard. Used over the service's HTTP, or with its
//! database alone, whether the service runs or not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use minuet_envelope::Contract;
use tokio::time::Instant;

use super::admin::{self, DeadLetterFilter, Row};
use super::view::{DeadLetter, DeadLetterDetail, Redriven};
use crate::DatabaseError;
use crate::store::connections::{Connections, MAX_LIFETIME};
use crate::store::database;

/// Poll interval for the result of a redrive.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const MAX_CONNECTIONS: u32 = 2;
const MAX_REASON_CHARS: usize = 500;

/// The rule of [`discard_reason`], in words.
pub const DISCARD_REASON: &str = "takes 1 to 500 characters, none of them a control character";

/// The trimmed reason of a discard. `None`: it breaks the rule [`DISCARD_REASON`].
pub fn discard_reason(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=MAX_REASON_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// The dead letters of one service.
#[derive(Clone)]
pub struct DeadLetters<C> {
    connections: Arc<Connections>,
    contract: Option<C>,
}

impl<C: Contract> DeadLetters<C> {
    pub(crate) fn of(connections: Arc<Connections>, contract: C) -> Self {
        DeadLetters { connections, contract: Some(contract) }
    }

    /// Opens the dead letters with the service's database alone. Without a contract, payloads are shown as bytes.
    ///
    /// # Errors
    /// The database URL is wrong.
    pub fn open(database_url: &str, contract: Option<C>) -> Result<Self, DatabaseError> {
        let connections = database::connections(database_url, MAX_CONNECTIONS, MAX_LIFETIME, "dead-letters")?;
        Ok(DeadLetters { connections: Arc::new(connections), contract })
    }

    /// Lists letters in the order of parking.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list(&self, which: &DeadLetterFilter) -> Result<Vec<DeadLetter>, sqlx::Error> {
        let rows = self.connections.run(async |connection| admin::list(connection, which).await).await?;
        Ok(rows.into_iter().map(DeadLetter::from).collect())
    }

    /// One letter with headers and payload. `None`: the id does not exist.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn one(&self, id: i64) -> Result<Option<DeadLetterDetail>, sqlx::Error> {
        let found = self.connections.run(async |connection| admin::one(connection, id).await).await?;
        let Some((row, incoming)) = found else { return Ok(None) };
        Ok(Some(DeadLetterDetail::of(row, &incoming, self.contract.as_ref()).await))
    }

    /// Requests a redrive of the letter and of those that wait for its key. Returns all their ids; none if the id does
    /// not exist or is discarded.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ask(&self, id: i64) -> Result<Vec<i64>, sqlx::Error> {
        let mut ids: Vec<i64> =
            self.connections.run(async |connection| admin::request(connection, id).await).await?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// Waits until the owners of the shards have tried all these letters, or until `wait` is over. Returns the result
    /// of each.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn answered(&self, ids: &[i64], wait: Duration) -> Result<Vec<Redriven>, sqlx::Error> {
        let until = Instant::now() + wait;
        loop {
            let rows = self.connections.run(async |connection| admin::open(connection, ids).await).await?;
            let is_asked = |row: &Row| row.redrive && row.discarded_at.is_none();
            if !rows.iter().any(is_asked) || Instant::now() >= until {
                let mut rows: HashMap<i64, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
                return Ok(ids.iter().map(|id| Redriven::of(*id, rows.remove(id))).collect());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Discards the event; records `by` and `why`. Returns the number of letters that still wait for its key. `None`:
    /// the id does not exist or is discarded already.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn discard(&self, id: i64, by: &str, why: &str) -> Result<Option<i64>, sqlx::Error> {
        self.connections.run(async |connection| admin::discard(connection, id, by, why).await).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something() {
        assert_eq!(discard_reason(" sent twice "), Some("sent twice".to_owned()));
        for wrong in ["", "  ", "a\nb", &"x".repeat(501)] {
            assert_eq!(discard_reason(wrong), None, "{wrong:?}");
        }
    }
}
