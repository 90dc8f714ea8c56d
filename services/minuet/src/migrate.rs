//! `minuet migrate`: forward only, safe to run again and at once from several places.

use crate::cli::Migrate;
use crate::database::Database;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, migrate: &Migrate) -> Result<(), CliError> {
    for database in Database::ALL {
        if migrate.services.is_empty() || migrate.services.contains(&database) {
            let service = one(settings, database).await?;
            output::note(format!("{service}: the database is up to date"));
        }
    }
    Ok(())
}

/// Migrates one database, and returns the service's name.
pub(crate) async fn one(settings: &Settings, database: Database) -> Result<&'static str, CliError> {
    let (service, key) = database.service();
    let url = settings.text(key)?;
    let migrated = match database {
        Database::Order => minuet_order::migrate(url).await,
        Database::Inventory => minuet_inventory::migrate(url).await,
        Database::Payment => minuet_payment::migrate(url).await,
    };
    migrated.map_err(|source| CliError::Migrate { service, source })?;
    Ok(service)
}
