use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgPool};

use super::connections::{self, Connections};
use super::session::Session;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL has another scheme than `postgres` or `postgresql`.
    #[error("database_url does not begin with postgres://")]
    Scheme,
    /// The URL does not parse.
    #[error("database_url is not a PostgreSQL URL (postgres://USER:PASSWORD@HOST:PORT/DATABASE)")]
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

/// A pool that connects at its first use, for tools and tests. A service uses the queries and transactions of its
/// [`crate::ServiceContext`], which limit the time of each.
///
/// # Errors
/// [`DatabaseError::Scheme`] or [`DatabaseError::Url`].
pub fn connect(url: &str, connections: u32, name: &str) -> Result<PgPool, DatabaseError> {
    Ok(connections::pool(options(url, name)?, Session::SERVICE, connections))
}

/// The connections of a service or tool. Connects at the first use.
pub(crate) fn connections(
    url: &str,
    connections: u32,
    max_lifetime: Duration,
    name: &str,
) -> Result<Connections, DatabaseError> {
    Ok(Connections::new(options(url, name)?, Session::SERVICE, connections, max_lifetime))
}

/// The relay's own connection.
pub(crate) fn connect_relay(
    url: &str,
    max_lifetime: Duration,
    name: &str,
) -> Result<Connections, DatabaseError> {
    Ok(Connections::single(options(url, name)?, Session::RELAY, max_lifetime))
}

/// The sampler's own connection.
pub(crate) fn connect_sampler(
    url: &str,
    max_lifetime: Duration,
    name: &str,
) -> Result<Connections, DatabaseError> {
    Ok(Connections::single(options(url, &format!("{name}-meters"))?, Session::SAMPLER, max_lifetime))
}

fn options(url: &str, name: &str) -> Result<PgConnectOptions, DatabaseError> {
    Ok(parse(url)?.application_name(&format!("minuet-{name}")).disable_statement_logging())
}
