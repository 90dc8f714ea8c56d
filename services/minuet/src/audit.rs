//! `minuet audit ...`: the topics as evidence. What it does is in the crate of that name.

mod failure;

use std::io::{self, BufWriter, IsTerminal};
use std::sync::Arc;

use minuet_audit::{Command, Context, Outcome};
use minuet_events::Codec;
use tokio::runtime::Handle;

use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) use failure::AuditFailure;

pub(crate) async fn run(settings: &Settings, command: Command) -> Result<(), CliError> {
    let databases = [
        ("order", "order.database_url"),
        ("inventory", "inventory.database_url"),
        ("payment", "payment.database_url"),
    ];
    let known = |(service, key): (&'static str, &str)| Some((service, settings.text(key).ok()?.to_owned()));
    let context = Context {
        kafka: settings.kafka.clone(),
        prefix: settings.topic_prefix.clone(),
        codec: Codec::register(settings.registry_url()?).await?,
        catalogue: Arc::new(settings.catalogue()?),
        databases: databases.into_iter().filter_map(known).collect(),
        runtime: Handle::current(),
    };
    // A program that reads a template or a table gets the bytes as they are.
    let as_they_are = command.is_for_programs() && !io::stdout().is_terminal();
    let auditing = tokio::task::spawn_blocking(move || match as_they_are {
        true => minuet_audit::run(&command, &context, &mut BufWriter::new(io::stdout())),
        false => minuet_audit::run(&command, &context, &mut output::results()),
    });
    match auditing.await {
        Ok(Ok(Outcome::Holds)) => Ok(()),
        Ok(Ok(Outcome::Differs)) => Err(AuditFailure::Differs.into()),
        // A reader that went away (`| head`) is no failure.
        Ok(Err(error)) if error.is_closed_pipe() => Ok(()),
        Ok(Err(error)) => Err(AuditFailure::from(error).into()),
        Err(_) => Err(AuditFailure::Ended.into()),
    }
}
