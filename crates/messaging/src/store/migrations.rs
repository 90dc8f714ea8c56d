//! The schema of a service's database: the service's own tables, and beside them the tables of this library.

use std::time::Duration;

use sqlx::migrate::{MigrateDatabase, Migrator};
use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Postgres};

use crate::store::database::{DatabaseError, parse};

/// Where the library records its own migrations: their versions start at 1, as those of a service do.
const APPLIED: &str = "minuet_messaging_migrations";

/// The migrations of this library's own tables: `inbox`, `outbox`, `dead_letters` and `shards`. They are recorded in a table
/// of their own (`minuet_messaging_migrations`), so that no version collides with one of the service's.
///
/// [`migrate`] runs them. A team that migrates its databases in another way runs them itself.
pub fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(APPLIED);
    migrator
}

/// Creates the database of this URL, unless it is there. For development and tests: the role has to have the right to create
/// databases, which that of a service in production does not need.
///
/// # Errors
/// The server cannot be reached, or the role may not create databases.
pub async fn create_database(url: &str) -> Result<(), DatabaseError> {
    parse(url)?;
    let create = async {
        if Postgres::database_exists(url).await? { Ok(()) } else { Postgres::create_database(url).await }
    };
    create.await.map_err(DatabaseError::Create)
}

/// Brings the database up to this build's schema: first `own`, the tables of the service, then those of this library.
/// Forward only; safe to run again, and at once from several places.
///
/// The order is part of the contract. Up to release 0.1 the migrations of the services made the library's tables, and the
/// library takes over the tables that it finds. So a service's migrations must not rely on the library's tables.
///
/// # Errors
/// The database cannot be reached, or one of the migrations fails. A migration that fails leaves no trace.
pub async fn migrate(url: &str, own: &Migrator) -> Result<(), DatabaseError> {
    let options = parse(url)?.disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options)
        .await
        .map_err(DatabaseError::Connect)?;
    let migrated = async {
        own.run(&pool).await?;
        migrator().run(&pool).await
    };
    let migrated = migrated.await.map_err(DatabaseError::Migrate);
    pool.close().await;
    migrated
}
