//! `minuet produce`: a program that is no gateway takes part. JSON lines in, events on their topic out: new ones, or what
//! `minuet audit replay export` gave out elsewhere.

mod error;
mod fields;
mod line;
mod lines;
mod pace;
mod recorded;
mod sending;

use std::sync::Arc;

use minuet_events::Codec;
use minuet_messaging::Publisher;

use crate::cli::Produce;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;
pub(crate) use error::ProduceError;
use line::Reading;
use lines::Lines;
use pace::Pace;
pub(crate) use pace::Speed;
use sending::{Input, Sending};

pub(crate) async fn run(settings: &Settings, command: &Produce) -> Result<(), CliError> {
    if let Some(event) = command.example {
        output::print(event.example_json().trim_end());
        return Ok(());
    }
    let codec = Codec::register(settings.registry_url()?).await?;
    let catalogue = Arc::new(settings.catalogue()?);
    let prefix = &settings.topic_prefix;
    let publisher =
        Publisher::new(&settings.kafka, "minuet-produce", "tool", codec.clone(), catalogue, prefix)?;
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

/// Whether a line is one that this program sends.
#[cfg(test)]
pub(crate) fn check_line(event_type: minuet_events::EventType, line: &[u8]) -> Result<(), line::LineError> {
    let now = minuet_events::values::Micros(1_700_000_000_000_000);
    let reading = Reading { event_type, key: None, force_key: false };
    reading.read(line, uuid::Uuid::nil(), now).map(drop)
}
