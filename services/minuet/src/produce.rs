//! `minuet produce`: a program that is no gateway takes part. JSON lines in, events on their topic out: new ones, or what
//! `minuet audit replay export` gave out elsewhere.

mod fields;
mod line;
mod lines;
mod pace;
mod recorded;
mod sending;

use std::path::PathBuf;
use std::sync::Arc;

use minuet_events::Codec;
use minuet_messaging::{PublishError, Publisher};

use crate::cli::Produce;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;
use line::Reading;
use lines::Lines;
use pace::Pace;
pub(crate) use pace::Speed;
use sending::{Input, Sending};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProduceError {
    #[error("{} cannot be read", .path.display())]
    Open { path: PathBuf, source: std::io::Error },
    #[error("the input cannot be read any further")]
    Read(#[source] std::io::Error),
    #[error("wrong lines, which were not sent: {lines}")]
    WrongLines { lines: u64 },
    #[error("line {line} is wrong; it and what follows was not sent (--keep-going skips wrong lines)")]
    WrongLine { line: u64 },
    #[error(
        "line {line} was not acknowledged, and what follows may be missing too; send it again under the same ce_id"
    )]
    NotAcknowledged { line: u64, source: PublishError },
}

pub(crate) async fn run(settings: &Settings, command: &Produce) -> Result<(), CliError> {
    let codec = Codec::register(settings.registry_url()?).await?;
    let catalogue = Arc::new(settings.catalogue()?);
    let prefix = &settings.topic_prefix;
    let publisher = Publisher::new(&settings.kafka, "minuet-produce", codec.clone(), catalogue, prefix)?;
    let lines = Lines::open(command.file.as_deref()).await.map_err(|source| ProduceError::Open {
        path: command.file.clone().unwrap_or_else(|| "stdin".into()),
        source,
    })?;
    let reading = match command.event {
        Some(event_type) => {
            Input::New(Reading { event_type, key: command.key.clone(), force_key: command.force_key })
        }
        None => Input::Recorded(codec),
    };
    let mut sending = Sending::new(&publisher, reading, Pace::new(command.speed), command.keep_going);
    let outcome = sending.all(lines).await;
    let what = command.event.map_or("recorded events", |event| event.name());
    output::note(format!("{} {what} sent; wrong lines: {}", sending.sent, sending.wrong));
    Ok(outcome?)
}
