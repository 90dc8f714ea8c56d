//! `minuet produce`: a program that is no gateway takes part. JSON lines in, events on their topic out.

mod fields;
mod line;
mod lines;

use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use minuet_events::Codec;
use minuet_events::values::Micros;
use minuet_messaging::{PublishError, Publisher};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cli::Produce;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;
use line::{Line, Reading};
use lines::Lines;

/// Events under way at once: enough to be quick, few enough to know what was not sent.
const IN_FLIGHT: usize = 256;

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
    let publisher =
        Publisher::new(&settings.kafka, "minuet-produce", codec, catalogue, &settings.topic_prefix)?;
    let lines = Lines::open(command.file.as_deref()).await.map_err(|source| ProduceError::Open {
        path: command.file.clone().unwrap_or_else(|| "stdin".into()),
        source,
    })?;
    let reading =
        Reading { event_type: command.event, key: command.key.clone(), force_key: command.force_key };
    let mut sending =
        Sending { publisher: &publisher, reading, keep_going: command.keep_going, sent: 0, wrong: 0 };
    let outcome = sending.all(lines).await;
    output::note(format!("{} {} sent; wrong lines: {}", sending.sent, command.event, sending.wrong));
    Ok(outcome?)
}

async fn send(publisher: &Publisher, line: Line) -> Result<(), PublishError> {
    match line.event {
        Some(event) => publisher.publish_with_key(&line.key, line.envelope, event).await,
        None => publisher.erase(&line.key, line.envelope).await,
    }
}

struct Sending<'a> {
    publisher: &'a Publisher,
    reading: Reading,
    keep_going: bool,
    sent: u64,
    wrong: u64,
}

impl Sending<'_> {
    /// In the order of the lines: each is handed to the producer before the next one is read. Nothing is in flight at the end.
    async fn all(&mut self, mut lines: Lines) -> Result<(), ProduceError> {
        let mut in_flight = FuturesOrdered::new();
        // Set once nothing more is to be sent: at the end of the input, or with what went wrong.
        let mut end: Option<Result<(), ProduceError>> = None;
        loop {
            tokio::select! {
                biased;
                Some((line, result)) = in_flight.next(), if !in_flight.is_empty() => match result {
                    Ok(()) => self.sent += 1,
                    Err(source) => {
                        // The first failure is the one to tell.
                        if !matches!(end, Some(Err(ProduceError::NotAcknowledged { .. }))) {
                            end = Some(Err(ProduceError::NotAcknowledged { line, source }));
                        }
                    }
                },
                next = lines.next(), if end.is_none() && in_flight.len() < IN_FLIGHT => {
                    let (number, text) = match next {
                        Ok(Some(numbered)) => numbered,
                        Ok(None) => {
                            end = Some(Ok(()));
                            continue;
                        }
                        Err(error) => {
                            end = Some(Err(ProduceError::Read(error)));
                            continue;
                        }
                    };
                    let now = Micros::from_datetime(OffsetDateTime::now_utc());
                    match text.and_then(|text| self.reading.read(&text, Uuid::now_v7(), now)) {
                        Ok(line) => {
                            let publisher = self.publisher;
                            in_flight.push_back(async move {
                                (number, send(publisher, line).await)
                            });
                        }
                        Err(error) => {
                            self.wrong += 1;
                            output::note(format!("line {number}: {error}"));
                            if !self.keep_going {
                                end = Some(Err(ProduceError::WrongLine { line: number }));
                            }
                        }
                    }
                },
                else => break,
            }
        }
        match end {
            Some(Ok(())) | None if self.wrong > 0 => Err(ProduceError::WrongLines { lines: self.wrong }),
            Some(end) => end,
            None => Ok(()),
        }
    }
}
