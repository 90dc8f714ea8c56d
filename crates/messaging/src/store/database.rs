use std::str::FromStr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, PgPool, Postgres};
use tokio::time::timeout;

/// Maximum idle time after which a connection is used without a ping.
const MAX_TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Maximum wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL has another scheme than `postgres` or `postgresql`.
    #[error("database_url does not begin with postgres://")]
    Scheme,
    /// The URL does not parse.
    #[error("database_url is not a PostgreSQL URL (postgres://user:password@host:port/database)")]
    Url(#[source] sqlx::Error),
    /// A migration failed.
    #[error("the database cannot be migrated; is it reachable, and does the role own it?")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database cannot be created.
    #[error("the database cannot be created; is the server up, and may the role create databases?")]
    Create(#[source] sqlx::Error),
    /// The database does not answer.
    #[error("the database cannot be reached")]
    Connect(#[source] sqlx::Error),
}

/// Parses a URL. Checks the scheme, which sqlx does not.
pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, DatabaseError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(DatabaseError::Scheme);
    }
    PgConnectOptions::from_str(url).map_err(DatabaseError::Url)
}

/// A pool that connects at its first use, so that a service can start, and wait, while its database is away.
///
/// # Errors
/// [`DatabaseError::Scheme`] or [`DatabaseError::Url`].
pub fn connect(url: &str, connections: u32, name: &str) -> Result<PgPool, DatabaseError> {
    Ok(pool(options(url, name)?, connections))
}

/// The relay's own connection, without waiting for the disk at commit: if a crash of the database restores deleted
/// rows, they are published again, which is harmless.
pub(crate) fn connect_relay(url: &str, name: &str) -> Result<PgPool, DatabaseError> {
    Ok(pool(options(url, name)?.options([("synchronous_commit", "off")]), 1))
}

fn options(url: &str, name: &str) -> Result<PgConnectOptions, DatabaseError> {
    Ok(parse(url)?
        .application_name(&format!("minuet-{name}"))
        // A generic plan made on a nearly empty table stays a sequential scan until autoanalyze, at three times the
        // cost.
        .options([
            ("enable_seqscan", "off"),
            ("jit", "off"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "60s"),
            // An instance that is stopped or disconnected in the middle of a transaction holds locks on its shards'
            // rows. They must be released before the group's session timeout (6 s) assigns the shards to another
            // instance. No transaction pauses that long.
            ("idle_in_transaction_session_timeout", "5s"),
        ])
        .disable_statement_logging())
}

/// Skips sqlx's ping for connections used within the last second; it costs a round trip per transaction. A dead
/// connection fails the transaction, which is retried.
fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > MAX_TRUSTED_IDLE {
                    connection.ping().await?;
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
    kept: Mutex<Option<(PoolConnection<Postgres>, Instant)>>,
}

impl Connections {
    pub(crate) fn new(pool: PgPool) -> Self {
        Connections { pool, kept: Mutex::default() }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The kept connection if it is free, else another one.
    pub(crate) async fn get(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let Some((mut connection, used)) = self.replace(None) else { return self.pool.acquire().await };
        if used.elapsed() < MAX_TRUSTED_IDLE
            || matches!(timeout(ACQUIRE_TIMEOUT, connection.ping()).await, Ok(Ok(())))
        {
            return Ok(connection);
        }
        connection.close_on_drop();
        drop(connection);
        self.pool.acquire().await
    }

    /// Keeps a connection for the next caller. Only one without failure.
    pub(crate) fn keep(&self, connection: PoolConnection<Postgres>) {
        drop(self.replace(Some((connection, Instant::now()))));
    }

    /// Closes the pool; waits until every connection is returned.
    pub(crate) async fn close(&self) {
        // The pool is closed from here on, so the kept connection is closed without a ping.
        let closing = self.pool.close();
        drop(self.replace(None));
        closing.await;
    }

    fn replace(
        &self,
        by: Option<(PoolConnection<Postgres>, Instant)>,
    ) -> Option<(PoolConnection<Postgres>, Instant)> {
        std::mem::replace(&mut *self.kept.lock(), by)
    }
}
