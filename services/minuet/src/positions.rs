//! `minuet positions list | accept`: on the database of a service, whether that runs or not.

mod error;

use clap::{Args, Subcommand, ValueEnum};
use minuet_messaging::{Accepted, Positions as Desk, RefusedPosition, SkippedOffsets};

use crate::database::Database;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) use error::PositionsError;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Positions {
    /// Partitions that a service refuses to read
    List(List),
    /// Accept what `list` shows
    Accept(Accept),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct List {
    /// Only of this service; may be repeated [default: all three]
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<Database>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Accept {
    /// Whose database
    #[arg(long)]
    service: Database,
    /// Where to read on in partitions that are refused
    #[arg(long, value_name = "POSITION")]
    from: Option<From>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// Where the database stands: what was consumed since then is consumed again
    Database,
    /// Where the consumer group stands: what the database has lost stays lost
    Group,
}

pub(crate) async fn run(settings: &Settings, command: &Positions) -> Result<(), CliError> {
    match command {
        Positions::List(list) => {
            let all = Database::ALL.to_vec();
            let services = if list.services.is_empty() { &all } else { &list.services };
            for database in services {
                show(settings, *database).await?;
            }
            Ok(())
        }
        Positions::Accept(accepted) => accept(settings, accepted).await,
    }
}

fn open(settings: &Settings, database: Database) -> Result<(&'static str, Desk), CliError> {
    let (service, key) = database.service();
    let desk = Desk::open(settings.text(key)?).map_err(|source| PositionsError::Open { service, source })?;
    Ok((service, desk))
}

async fn show(settings: &Settings, database: Database) -> Result<(), CliError> {
    let (service, desk) = open(settings, database)?;
    let failed = |source| PositionsError::Database { service, source };
    for RefusedPosition { topic, partition, refused, accepted, .. } in desk.refused().await.map_err(failed)? {
        let answer = accepted.map(|from| format!("; accepted: {from}")).unwrap_or_default();
        output::print(format!("{service} refuses {topic}[{partition}]: {refused}{answer}"));
    }
    for SkippedOffsets { topic, partition, from_offset, end_offset, noticed_at } in
        desk.skipped().await.map_err(failed)?
    {
        output::print(format!(
            "{service} skipped {topic}[{partition}] {from_offset} to {end_offset}: deleted before it was read, noticed at {noticed_at}"
        ));
    }
    Ok(())
}

async fn accept(settings: &Settings, accept: &Accept) -> Result<(), CliError> {
    let (service, desk) = open(settings, accept.service)?;
    let failed = |source| PositionsError::Database { service, source };
    let partitions = match accept.from {
        Some(From::Database) => desk.accept(Accepted::Database).await.map_err(failed)?,
        Some(From::Group) => desk.accept(Accepted::Group).await.map_err(failed)?,
        None => match desk.refused().await.map_err(failed)?.len() {
            0 => 0,
            partitions => return Err(PositionsError::NoAnswer { service, partitions }.into()),
        },
    };
    let skipped = desk.accept_skipped().await.map_err(failed)?;
    output::print(format!("{service}: {partitions} partitions and {skipped} skipped ranges accepted"));
    Ok(())
}
