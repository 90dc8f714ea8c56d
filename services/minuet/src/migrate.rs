//! `minuet migrate`: forward only, safe to run again and at once from several places.

use crate::cli::{Database, Migrate};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, migrate: &Migrate) -> Result<(), CliError> {
    let all = [Database::Order, Database::Inventory, Database::Payment];
    for database in all {
        if migrate.services.is_empty() || migrate.services.contains(&database) {
            let service = one(settings, database).await?;
            output::note(format!("{service}: the database is up to date"));
        }
    }
    Ok(())
}

/// All three, quietly.
pub(crate) async fn all(settings: &Settings) -> Result<(), CliError> {
    for database in [Database::Order, Database::Inventory, Database::Payment] {
        one(settings, database).await?;
    }
    Ok(())
}

/// Answers with the service's name.
async fn one(settings: &Settings, database: Database) -> Result<&'static str, CliError> {
    let (service, url) = match database {
        Database::Order => ("order", settings.text("order.database_url")?),
        Database::Inventory => ("inventory", settings.text("inventory.database_url")?),
        Database::Payment => ("payment", settings.text("payment.database_url")?),
    };
    let migrated = match database {
        Database::Order => minuet_order::migrate(url).await,
        Database::Inventory => minuet_inventory::migrate(url).await,
        Database::Payment => minuet_payment::migrate(url).await,
    };
    migrated.map_err(|source| CliError::Migrate { service, source })?;
    Ok(service)
}
