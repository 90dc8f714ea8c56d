//! The topics of an installation: which there are, which stretches of them are meant, and reading those in parallel.

use std::io::{Write, stderr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use minuet_events::values::Micros;
use minuet_messaging::topics::TopicName;
use minuet_messaging::{Message, Partition, ReadError, Reader, Slice};

use crate::record::{Position, Topics};
use crate::{AuditError, Context};

/// Threads that read and decode. More gain nothing: the books are kept by one.
const THREADS: usize = 2;
/// Messages that are handed over at once, and how many such batches may wait.
const BATCH: usize = 512;
const WAITING: usize = 4;

/// Where to begin in each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Beginning,
    End,
    Offset(i64),
    BeforeEnd(i64),
    At(Micros),
}

/// What is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// With or without the prefix. Empty: all that the catalogue names.
    pub(crate) topics: Vec<String>,
    /// Empty: all.
    pub(crate) partitions: Vec<i32>,
    pub(crate) from: Point,
    /// Up to the first event that is as young as that.
    pub(crate) until: Option<Micros>,
}

/// What is odd about whole topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Their oldest events are gone, and reading begins where the others do.
    pub(crate) truncated: Vec<String>,
    pub(crate) empty: Vec<String>,
    /// Under our prefix, and in no catalogue.
    pub(crate) foreign: Vec<String>,
    /// In the catalogue, and not in the cluster.
    pub(crate) missing: Vec<String>,
}

impl Survey {
    /// What there is to say, by its label.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let all = [
            ("truncated", &self.truncated),
            ("empty", &self.empty),
            ("foreign", &self.foreign),
            ("missing", &self.missing),
        ];
        all.into_iter().filter(|(_, names)| !names.is_empty())
    }

    /// What `--strict` does not stand. An empty topic is odd, and no damage.
    fn problem(&self) -> Option<String> {
        let mut problems = self.lists().filter(|(label, _)| *label != "empty");
        problems.next().map(|(label, names)| format!("{label}: {}", names.join(", ")))
    }

    pub(crate) fn stands(&self, strict: bool) -> Result<(), AuditError> {
        match self.problem().filter(|_| strict) {
            Some(detail) => Err(AuditError::Strict { position: "topics".to_owned(), detail }),
            None => Ok(()),
        }
    }

    /// For a person who looks at something else. Where nobody sees stderr, nobody misses it.
    pub(crate) fn note(&self) {
        for (label, names) in self.lists() {
            drop(writeln!(stderr(), "{label}: {}", names.join(", ")));
        }
    }
}

/// Stretches of topics, and what they are called.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) slices: Vec<Slice>,
    pub(crate) positions: Vec<Position>,
    pub(crate) survey: Survey,
}

impl Selection {
    pub(crate) fn messages(&self) -> i64 {
        self.slices.iter().map(|slice| slice.offsets.end - slice.offsets.start).sum()
    }
}

pub(crate) struct Log {
    pub(crate) reader: Reader,
    pub(crate) topics: Topics,
    prefix: String,
    partitions: Vec<Vec<i32>>,
    survey: Survey,
}

impl Log {
    pub(crate) fn open(context: &Context) -> Result<Log, AuditError> {
        let reader = Reader::new(&context.kafka, "minuet-audit")?;
        let mut found = reader.topics(&context.prefix)?;
        let (mut topics, mut partitions, mut survey) = (Topics::default(), Vec::new(), Survey::default());
        for topic in context.catalogue.topics() {
            match found.remove(TopicName::new(&context.prefix, &topic.name).full()) {
                Some(has) => {
                    topics.0.push(topic.name.as_str().into());
                    partitions.push(has);
                }
                None => survey.missing.push(topic.name.clone()),
            }
        }
        if topics.0.is_empty() {
            return Err(AuditError::NoTopics { prefix: context.prefix.clone() });
        }
        for (name, has) in found {
            let name = TopicName::from_full(&context.prefix, name).plain().to_owned();
            // Kafka's own, and other installations on a cluster without prefix, are no business of ours.
            if !name.starts_with("__") && !context.prefix.is_empty() {
                survey.foreign.push(name.clone());
            }
            topics.0.push(name.into());
            partitions.push(has);
        }
        Ok(Log { reader, topics, prefix: context.prefix.clone(), partitions, survey })
    }

    pub(crate) fn select(&self, wanted: &Wanted, context: &Context) -> Result<Selection, AuditError> {
        let named = self.named(&wanted.topics, context)?;
        let (mut positions, mut partitions): (Vec<Position>, Vec<Partition>) = (Vec::new(), Vec::new());
        for topic in named {
            let name = TopicName::new(&self.prefix, &self.topics.0[topic]).to_full();
            let has = self.partitions[topic]
                .iter()
                .filter(|p| wanted.partitions.is_empty() || wanted.partitions.contains(p));
            for &partition in has {
                let (topic, number) = (u16::try_from(topic), u16::try_from(partition));
                let (Ok(topic), Ok(number)) = (topic, number) else { continue };
                positions.push(Position { topic, partition: number, offset: 0 });
                partitions.push((Arc::clone(&name), partition));
            }
        }
        let bounds = self.reader.bounds(&partitions)?;
        let starts = match wanted.from {
            Point::At(time) => Some(self.reader.at(&partitions, time)?),
            _ => None,
        };
        let ends = wanted.until.map(|time| self.reader.at(&partitions, time)).transpose()?;
        let mut survey = self.survey.clone();
        let mut slices = Vec::with_capacity(bounds.len());
        for (index, ((topic, partition), kept)) in partitions.into_iter().zip(bounds).enumerate() {
            let start = match wanted.from {
                Point::Beginning => kept.start,
                Point::End => kept.end,
                Point::Offset(offset) => offset,
                Point::BeforeEnd(count) => kept.end.saturating_sub(count),
                Point::At(_) => starts.as_ref().and_then(|starts| starts[index]).unwrap_or(kept.end),
            };
            let end = ends.as_ref().and_then(|ends| ends[index]).unwrap_or(kept.end);
            let start = start.clamp(kept.start, kept.end);
            let name = self.topics.name(positions[index]);
            // A compacted topic has lost nothing that counts.
            if 0 < kept.start && start == kept.start && !context.catalogue.is_compacted(name) {
                push_once(&mut survey.truncated, name);
            }
            slices.push(Slice { topic, partition, offsets: start..end.max(start) });
        }
        for (topic, name) in self.topics.0.iter().enumerate() {
            let mut of =
                positions.iter().zip(&slices).filter(|(position, _)| usize::from(position.topic) == topic);
            if of.clone().next().is_some() && of.all(|(_, slice)| slice.offsets.end == 0) {
                survey.empty.push(name.to_string());
            }
        }
        Ok(Selection { slices, positions, survey })
    }

    /// Numbers of the topics that are meant.
    fn named(&self, wanted: &[String], context: &Context) -> Result<Vec<usize>, AuditError> {
        if wanted.is_empty() {
            let known = |name: &Arc<str>| context.catalogue.topic(name).is_some();
            return Ok((0..self.topics.0.len()).filter(|at| known(&self.topics.0[*at])).collect());
        }
        let number = |topic: &String| {
            let named = TopicName::from_full(&self.prefix, topic.as_str());
            let found =
                self.topics.0.iter().position(|name| **name == *named.plain() || **name == *topic.as_str());
            found.ok_or_else(|| AuditError::NoTopic { topic: topic.clone() })
        };
        wanted.iter().map(number).collect()
    }

    /// Whether the cluster has this topic of the catalogue.
    pub(crate) fn has(&self, topic: &str) -> bool {
        self.topics.0.iter().any(|name| **name == *topic)
    }

    /// Reads the selection in the order of time: `make` on several threads, `take` on this one, until it breaks.
    pub(crate) fn read<T: Send>(
        &self,
        selection: &Selection,
        make: impl Fn(&Message<'_>, Position) -> T + Sync,
        take: impl FnMut(T) -> Result<ControlFlow<()>, AuditError>,
    ) -> Result<(), AuditError> {
        self.read_only(selection, |_| true, make, take)
    }

    /// As [`Log::read`], of those messages that `wanted` takes.
    pub(crate) fn read_only<T: Send>(
        &self,
        selection: &Selection,
        wanted: impl Fn(&Message<'_>) -> bool + Sync,
        make: impl Fn(&Message<'_>, Position) -> T + Sync,
        mut take: impl FnMut(T) -> Result<ControlFlow<()>, AuditError>,
    ) -> Result<(), AuditError> {
        let groups: Vec<Vec<usize>> = (0..THREADS)
            .map(|thread| {
                let of = |at: &usize| at % THREADS == thread;
                (0..selection.slices.len()).filter(of).collect()
            })
            .collect();
        std::thread::scope(|scope| {
            let (mut streams, mut threads) = (Vec::new(), Vec::new());
            for group in &groups {
                let (sender, receiver) = sync_channel::<Vec<(Micros, T)>>(WAITING);
                streams.push(Stream { receiver, batch: Vec::new().into_iter(), head: None });
                let (wanted, make) = (&wanted, &make);
                threads.push(scope.spawn(move || -> Result<(), ReadError> {
                    let slices: Vec<Slice> = group.iter().map(|at| selection.slices[*at].clone()).collect();
                    let mut batch = Vec::with_capacity(BATCH);
                    self.reader.merged(&slices, |message| {
                        if !wanted(&message) {
                            return ControlFlow::Continue(());
                        }
                        let position =
                            Position { offset: message.offset, ..selection.positions[group[message.slice]] };
                        batch.push((message.timestamp(), make(&message, position)));
                        if batch.len() < BATCH {
                            return ControlFlow::Continue(());
                        }
                        let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                        if sender.send(full).is_ok() {
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        }
                    })?;
                    // Where nobody takes it any more, nobody misses it.
                    drop(sender.send(batch));
                    Ok(())
                }));
            }
            let mut taken = Ok(ControlFlow::Continue(()));
            while let Ok(ControlFlow::Continue(())) = taken {
                for stream in &mut streams {
                    stream.fill();
                }
                let waiting = streams.iter_mut().filter(|stream| stream.head.is_some());
                let oldest = waiting.min_by_key(|stream| stream.head.as_ref().map(|(time, _)| *time));
                let Some((_, record)) = oldest.and_then(|stream| stream.head.take()) else { break };
                taken = take(record);
            }
            drop(streams);
            for thread in threads {
                thread.join().map_err(|_| AuditError::Ended)??;
            }
            taken.map(|_| ())
        })
    }
}

struct Stream<T> {
    receiver: Receiver<Vec<(Micros, T)>>,
    batch: std::vec::IntoIter<(Micros, T)>,
    head: Option<(Micros, T)>,
}

impl<T> Stream<T> {
    /// Without a head after this: at its end.
    fn fill(&mut self) {
        while self.head.is_none() {
            self.head = self.batch.next();
            if self.head.is_some() {
                return;
            }
            match self.receiver.recv() {
                Ok(batch) => self.batch = batch.into_iter(),
                Err(_) => return,
            }
        }
    }
}

fn push_once(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}
