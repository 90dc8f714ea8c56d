use std::str::FromStr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, PgPool, Postgres};
use tokio::time::timeout;

/// How long a connection may be idle and still be believed to be there.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("database_url does not begin with postgres://")]
    Scheme,
    #[error("database_url is not a PostgreSQL URL (postgres://user:password@host:port/database)")]
    Url(#[source] sqlx::Error),
    #[error("the database cannot be migrated; is it reachable, and does the role own it?")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    #[error("the database cannot be reached")]
    Connect(#[source] sqlx::Error),
}

/// The scheme is looked at here: sqlx takes any.
pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, DatabaseError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(DatabaseError::Scheme);
    }
    PgConnectOptions::from_str(url).map_err(DatabaseError::Url)
}

/// A pool that connects when it is first used: a service starts, and waits, while its database is away.
pub fn connect(url: &str, connections: u32, name: &str) -> Result<PgPool, DatabaseError> {
    Ok(pool(options(url, name)?, connections))
}

/// The relay's own connection. What it deletes was acknowledged: if a crash of the database brings such rows back, they are
/// published again, and nothing else. So a delete need not wait for the disk.
pub(crate) fn connect_relay(url: &str, name: &str) -> Result<PgPool, DatabaseError> {
    Ok(pool(options(url, name)?.options([("synchronous_commit", "off")]), 1))
}

fn options(url: &str, name: &str) -> Result<PgConnectOptions, DatabaseError> {
    Ok(parse(url)?
        .application_name(&format!("minuet-{name}"))
        // A generic plan made while a table was nearly empty stays a sequential scan until autoanalyze: three times the cost.
        .options([
            ("enable_seqscan", "off"),
            ("jit", "off"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "60s"),
            // An instance that is stopped, or whose wire is gone, in the midst of a transaction holds its shards' rows: it must
            // let go before the group's session timeout (6 s) gives them to another. No transaction of ours thinks that long.
            ("idle_in_transaction_session_timeout", "5s"),
        ])
        .disable_statement_logging())
}

/// A connection that was in use a moment ago is not asked whether it is there: a round trip for each transaction. If it is not, the
/// transaction is tried again.
fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options)
}

/// A pool, and the connection that was used last: a pool asks each one that comes back whether it is still there, a round trip,
/// and gives out another one whose caches are cold. At low load those are a fifth of all round trips (decision 0032).
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

    /// The kept one, if nobody else has it, or another.
    pub(crate) async fn get(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let Some((mut connection, used)) = self.replace(None) else { return self.pool.acquire().await };
        if used.elapsed() < TRUSTED || matches!(timeout(PATIENCE, connection.ping()).await, Ok(Ok(()))) {
            return Ok(connection);
        }
        connection.close_on_drop();
        drop(connection);
        self.pool.acquire().await
    }

    /// For the next who asks. Only one on which nothing has failed.
    pub(crate) fn keep(&self, connection: PoolConnection<Postgres>) {
        drop(self.replace(Some((connection, Instant::now()))));
    }

    /// Waits until nobody uses any of them.
    pub(crate) async fn close(&self) {
        // Closed from here on: the kept one is not asked whether it is there, but let go.
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
