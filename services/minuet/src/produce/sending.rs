//! Lines in, messages out, in order.

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use minuet_events::Codec;
use minuet_events::values::Micros;
use minuet_messaging::{PublishError, Publisher};
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::ProduceError;
use super::line::{Line, LineError, Reading};
use super::lines::Lines;
use super::pace::Pace;
use super::recorded::Recorded;
use crate::output;

/// Events under way at once: enough to be quick, few enough to know what was not sent.
const MAX_IN_FLIGHT: usize = 256;

/// What the lines are.
pub(super) enum Input {
    New(Reading),
    Recorded(Codec),
}

enum Ready {
    /// Boxed: it is three times as large.
    New(Box<Line>),
    Recorded(Recorded),
}

impl Input {
    fn read(&self, text: &[u8]) -> Result<Ready, LineError> {
        match self {
            Input::New(reading) => {
                let now = Micros::from_datetime(OffsetDateTime::now_utc());
                reading.read(text, Uuid::now_v7(), now).map(|line| Ready::New(Box::new(line)))
            }
            Input::Recorded(codec) => Recorded::read(text, codec).map(Ready::Recorded),
        }
    }
}

async fn send(publisher: &Publisher<minuet_events::Codec>, ready: Ready) -> Result<(), PublishError> {
    match ready {
        Ready::New(line) => {
            let Line { key, envelope, event } = *line;
            match event {
                Some(event) => publisher.publish_with_key(&key, envelope, event).await,
                None => publisher.erase(&key, envelope).await,
            }
        }
        Ready::Recorded(Recorded { topic, key, headers, payload, .. }) => {
            publisher.repeat(&topic, key.as_deref(), &headers, payload.as_deref()).await
        }
    }
}

/// A line's number, and what it says.
type Read = (u64, Result<Ready, LineError>);

pub(super) struct Sending<'a> {
    publisher: &'a Publisher<Codec>,
    input: Input,
    pace: Pace,
    keep_going: bool,
    /// Read, and not due yet: [`Sending::next`] may be dropped half-way.
    waiting: Option<(Instant, Read)>,
    pub(super) sent: u64,
    pub(super) wrong: u64,
}

impl<'a> Sending<'a> {
    pub(super) fn new(publisher: &'a Publisher<Codec>, input: Input, pace: Pace, keep_going: bool) -> Self {
        Sending { publisher, input, pace, keep_going, waiting: None, sent: 0, wrong: 0 }
    }

    /// The next line, once it is due. May be dropped and called again.
    async fn next(&mut self, lines: &mut Lines) -> std::io::Result<Option<Read>> {
        if self.waiting.is_none() {
            let Some((number, text)) = lines.next().await? else { return Ok(None) };
            let read = text.and_then(|text| self.input.read(&text));
            let due = match &read {
                Ok(Ready::Recorded(recorded)) => self.pace.due(recorded.at),
                Ok(Ready::New(_)) | Err(_) => Instant::now(),
            };
            self.waiting = Some((due, (number, read)));
        }
        if let Some((due, _)) = &self.waiting
            && *due > Instant::now()
        {
            tokio::time::sleep_until(*due).await;
        }
        Ok(self.waiting.take().map(|(_, read)| read))
    }

    /// In the order of the lines: each is handed to the producer before the next one is read. Nothing is in flight at the end.
    pub(super) async fn all(&mut self, mut lines: Lines) -> Result<(), ProduceError> {
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
                next = self.next(&mut lines), if end.is_none() && in_flight.len() < MAX_IN_FLIGHT => {
                    let (number, read) = match next {
                        Ok(Some(read)) => read,
                        Ok(None) => {
                            end = Some(Ok(()));
                            continue;
                        }
                        Err(error) => {
                            end = Some(Err(ProduceError::Read(error)));
                            continue;
                        }
                    };
                    match read {
                        Ok(ready) => {
                            let publisher = self.publisher;
                            in_flight.push_back(async move {
                                (number, send(publisher, ready).await)
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
