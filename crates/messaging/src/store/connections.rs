//! The connections of a service to its database: how long their work may take, and when they are closed.
//!
//! A server that is demoted, restarted or unreachable leaves connections behind that look open. Three rules keep them out
//! of use:
//!
//! - Work has a time limit on this side, since a server that is unreachable cannot end it. The connection is closed then.
//! - A connection goes back to the pool only after work that left it usable. An error of the connection or its session
//!   ([`is_unusable`]) closes it, and so does work that was cancelled.
//! - After such an error no connection that was idle at that moment is used again ([`Distrust`]).

use std::error::Error;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool, Postgres};
use tokio::time::timeout;

use super::session::{self, Session};

/// Maximum idle time after which a connection is used without a ping.
const MAX_TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Maximum wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum wait for the answer to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Upper bound of a statement that waits for no lock of another transaction.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Upper bound of a query. Above the server's `lock_timeout`, so that a wait for a lock ends with the server's own error.
pub(crate) const QUERY_TIMEOUT: Duration = Duration::from_secs(12);
/// Upper bound of a transaction: two waits for locks.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum age of a connection.
pub(crate) const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// The pool enforces the maximum age when a connection comes back. A kept connection comes back after this part of it.
const KEPT_PART_OF_LIFETIME: u32 = 30;

/// The last time at which a connection was found unusable. Connections that were idle then are closed, not used: the
/// same has probably happened to them.
#[derive(Clone, Debug, Default)]
struct Distrust(Arc<Mutex<Option<Instant>>>);

impl Distrust {
    fn now(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    fn covers(&self, idle_since: Instant) -> bool {
        self.0.lock().is_some_and(|at| idle_since <= at)
    }
}

/// Why the last session was refused: the pool tries again until its time is over, and then names no reason.
type Refused = Arc<Mutex<Option<String>>>;

/// A pool without [`Connections`], for tools: nothing limits the time of their queries.
pub(super) fn pool(options: PgConnectOptions, session: Session, connections: u32) -> PgPool {
    distrusting(options, session, connections, MAX_LIFETIME, Distrust::default(), Arc::default())
}

/// Skips sqlx's ping for connections used within the last second; it costs a round trip per transaction. A dead
/// connection fails the transaction, which is retried.
fn distrusting(
    options: PgConnectOptions,
    session: Session,
    connections: u32,
    max_lifetime: Duration,
    distrust: Distrust,
    refused: Refused,
) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .max_lifetime(max_lifetime)
        .after_connect(move |connection, _| {
            let refused = Arc::clone(&refused);
            Box::pin(async move {
                let done = session::set_up(connection, session).await;
                if let Err(sqlx::Error::Configuration(why)) = &done {
                    *refused.lock() = Some(why.to_string());
                }
                done
            })
        })
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let distrust = distrust.clone();
            Box::pin(async move {
                if Instant::now().checked_sub(meta.idle_for).is_some_and(|since| distrust.covers(since)) {
                    return Ok(false);
                }
                if meta.idle_for > MAX_TRUSTED_IDLE {
                    let pinged = within(PING_TIMEOUT, connection.ping()).await;
                    if pinged.is_err() {
                        distrust.now();
                    }
                    pinged?;
                }
                Ok(true)
            })
        })
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options)
}

/// A pool, and the connection that was used last. The pool pings each returned connection and may hand out another one
/// with cold caches; at low load that is a fifth of all round trips (decision 0032).
#[derive(Debug)]
pub(crate) struct Connections {
    pool: PgPool,
    distrust: Distrust,
    refused: Refused,
    kept: Mutex<Option<Lent>>,
    /// `None`: no connection is kept.
    max_kept: Option<Duration>,
}

impl Connections {
    /// Keeps no connection if the pool has only one, which other tasks need.
    pub(super) fn new(
        options: PgConnectOptions,
        session: Session,
        connections: u32,
        max_lifetime: Duration,
    ) -> Self {
        let (distrust, refused) = (Distrust::default(), Refused::default());
        let pool =
            distrusting(options, session, connections, max_lifetime, distrust.clone(), Arc::clone(&refused));
        let max_kept = (connections > 1).then_some(max_lifetime / KEPT_PART_OF_LIFETIME);
        Connections { pool, distrust, refused, kept: Mutex::default(), max_kept }
    }

    /// One connection, used by one task, which keeps it.
    pub(super) fn single(options: PgConnectOptions, session: Session, max_lifetime: Duration) -> Self {
        let max_kept = Some(max_lifetime / KEPT_PART_OF_LIFETIME);
        Connections { max_kept, ..Connections::new(options, session, 1, max_lifetime) }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The kept connection if it is free and usable, else another one.
    pub(crate) async fn get(&self) -> Result<Lent, sqlx::Error> {
        let Some(mut kept) = self.kept.lock().take() else { return self.acquire().await };
        if self.distrust.covers(kept.used) {
            return self.acquire().await;
        }
        if self.max_kept.is_none_or(|most| kept.lent.elapsed() > most) {
            kept.is_usable = true;
            drop(kept);
            return self.acquire().await;
        }
        if kept.used.elapsed() > MAX_TRUSTED_IDLE && within(PING_TIMEOUT, kept.ping()).await.is_err() {
            self.distrust.now();
            return self.acquire().await;
        }
        Ok(kept)
    }

    /// A connection of the pool.
    async fn acquire(&self) -> Result<Lent, sqlx::Error> {
        let connection = match self.pool.acquire().await {
            Err(sqlx::Error::PoolTimedOut) => match self.refused.lock().take() {
                Some(why) => return Err(sqlx::Error::Configuration(why.into())),
                None => return Err(sqlx::Error::PoolTimedOut),
            },
            other => other?,
        };
        let now = Instant::now();
        Ok(Lent { connection, lent: now, used: now, is_usable: false })
    }

    /// Takes a connection back after work with this result: keeps it, returns it to the pool, or closes it.
    pub(crate) fn put_back<T, E: Error + 'static>(&self, mut connection: Lent, result: &Result<T, E>) {
        match result {
            Ok(_) if self.max_kept.is_some() => {
                connection.used = Instant::now();
                let before = self.kept.lock().replace(connection);
                if let Some(mut before) = before {
                    before.is_usable = true;
                }
            }
            _ => self.give_back(connection, result),
        }
    }

    /// As [`Connections::put_back`], without keeping it.
    fn give_back<T, E: Error + 'static>(&self, mut connection: Lent, result: &Result<T, E>) {
        match result {
            Err(error) if is_unusable(error) => self.distrust.now(),
            _ => connection.is_usable = true,
        }
    }

    /// Runs work on a connection of the pool, for at most [`QUERY_TIMEOUT`]. Runs it once more if a prepared statement was
    /// out of date: then the work has had no effect.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E> + Clone,
    ) -> Result<T, E>
    where
        E: From<sqlx::Error> + Error + 'static,
    {
        self.run_within(QUERY_TIMEOUT, work).await
    }

    /// As [`Connections::run`], with another limit.
    pub(crate) async fn run_within<T, E>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E> + Clone,
    ) -> Result<T, E>
    where
        E: From<sqlx::Error> + Error + 'static,
    {
        let mut again = true;
        loop {
            let mut connection = self.acquire().await?;
            let done = within(limit, work.clone()(&mut connection)).await;
            self.give_back(connection, &done);
            match &done {
                Err(error) if again && is_stale_plan(error) => again = false,
                _ => return done,
            }
        }
    }

    /// Closes the pool; waits until every connection is returned.
    pub(crate) async fn close(&self) {
        // The pool is closed from here on, so the kept connection is closed without a ping.
        let closing = self.pool.close();
        drop(self.kept.lock().take());
        closing.await;
    }
}

/// A connection of the pool, on loan. Dropped, it is closed, unless its work has left it usable.
#[derive(Debug)]
pub(crate) struct Lent {
    connection: PoolConnection<Postgres>,
    /// When the pool lent it.
    lent: Instant,
    /// When it was used last.
    used: Instant,
    is_usable: bool,
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_usable {
            self.connection.close_on_drop();
            return;
        }
        // The pool pings what comes back, without a limit: an unreachable server would cost a place of the pool.
        let returned = self.connection.return_to_pool();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(timeout(PING_TIMEOUT, returned));
        }
    }
}

/// Ends the work with an error if it takes longer. The connection must not be used after that.
pub(crate) async fn within<T, E: From<sqlx::Error>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => {
            let text = format!("the database did not answer within {limit:?}");
            Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)).into())
        }
    }
}

/// The database's error among the causes.
fn database_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e sqlx::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Whether the connection, or the session at its other end, is the cause: another connection may succeed.
/// Codes: <https://www.postgresql.org/docs/15/errcodes-appendix.html>
pub(crate) fn is_unusable(error: &(dyn Error + 'static)) -> bool {
    match database_error(error) {
        Some(sqlx::Error::Database(error)) => {
            let code = error.code();
            is_of_the_session(code.as_deref().unwrap_or_default()) || is_stale(&**error)
        }
        Some(
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed,
        ) => true,
        _ => false,
    }
}

fn is_of_the_session(code: &str) -> bool {
    // A connection exception; shutdown, crash, recovery or an idle session's end.
    code.starts_with("08")
        || code.starts_with("57P")
        || matches!(
            code,
            // A read-only transaction: the server was demoted.
            "25006"
                // An idle transaction's end: the session is over.
                | "25P03"
                // A prepared statement that is not there, or there already: another session than the one before.
                | "26000"
                | "42P05"
                // Out of memory, too many connections: a closed connection gives back what it holds.
                | "53200"
                | "53300"
        )
}

/// Whether a prepared statement is out of date: a table was changed since.
pub(crate) fn is_stale_plan(error: &(dyn Error + 'static)) -> bool {
    matches!(database_error(error), Some(sqlx::Error::Database(error)) if is_stale(&**error))
}

/// `cached plan must not change result type`. The code means any unsupported feature, and the text is translated; the
/// name of the server's function is neither.
fn is_stale(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().as_deref() == Some("0A000")
        && error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| error.routine() == Some("RevalidateCachedQuery"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReactError;

    #[test]
    fn an_error_of_the_session_is_told_from_an_error_of_the_work() {
        for code in ["25006", "57P01", "57P02", "57P03", "57P05", "08006", "25P03", "53300", "26000"] {
            assert!(is_of_the_session(code), "{code}");
        }
        for code in ["23505", "22001", "40001", "40P01", "55P03", "57014", "53100", "42501"] {
            assert!(!is_of_the_session(code), "{code}");
        }
        assert!(is_unusable(&ReactError::Database(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))));
        assert!(!is_unusable(&sqlx::Error::RowNotFound));
        assert!(!is_unusable(&sqlx::Error::PoolTimedOut), "no connection, no fault of one");
        assert!(!is_unusable(&ReactError::LostRace { table: "orders" }));
    }

    #[tokio::test]
    async fn work_that_never_ends_is_ended() {
        let never = std::future::pending::<Result<(), ReactError>>();
        let error = within(Duration::from_millis(5), never).await.unwrap_err();
        assert!(is_unusable(&error) && error.is_transient(), "{error:?}");
    }

    #[test]
    fn a_connection_that_was_idle_at_the_failure_is_not_used() {
        let (distrust, before) = (Distrust::default(), Instant::now());
        assert!(!distrust.covers(before));
        distrust.now();
        assert!(distrust.covers(before));
        std::thread::yield_now();
        assert!(!distrust.covers(Instant::now() + Duration::from_millis(1)));
    }
}
