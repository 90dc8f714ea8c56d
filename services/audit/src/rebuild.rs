//! `audit replay rebuild`: a service's tables from the topics, by the service's own code.
//!
//! All events are read and held in memory. The shadow finds each order's steps in the service; [`schedule`] puts them
//! into one order that the record allows; [`replayer`] gives the messages to the service in that order, at the recorded times,
//! and the provider's answers as its events tell of them. What the service emits meanwhile must be what was recorded.

mod compare;
mod node;
mod rejections;
mod replayer;
mod schedule;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::ops::ControlFlow;

use minuet_events::values::OrderId;
use minuet_events::{Event, EventType};
use minuet_messaging::topics::TopicName;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::args::Rebuild;
use crate::decode::{Content, Decoder};
use crate::full_message::FullMessage;
use crate::log::{Log, Point, Wanted};
use crate::progress::Progress;
use crate::record::{Position, Topics};
use crate::shadow::{Build, Shadow, consumes};
use crate::{AuditError, Context, Outcome};
use compare::RowDiffers;
use node::Node;
use replayer::{Emitted, Replayer};
use schedule::{Change, Schedule, Skipped};

/// How the reason begins of a message that was parked for a name or an amount in it.
const INADMISSIBLE: [&str; 2] = ["inadmissible:", "too_many_decimals:"];
/// Differences of one kind that are shown.
const SHOWN: usize = 20;

pub(crate) fn run(rebuild: &Rebuild, context: &Context, out: &mut dyn Write) -> Result<Outcome, AuditError> {
    let service = rebuild.service;
    let (pool, live) = {
        let _runtime = context.runtime.enter();
        let live =
            rebuild.against.as_deref().map(|url| minuet_messaging::connect(url, 1, "audit")).transpose()?;
        (minuet_messaging::connect(&rebuild.database, 1, "audit")?, live)
    };
    if !context.runtime.block_on(compare::is_empty(&pool))? {
        return Err(AuditError::NotEmpty { service: service.name() });
    }
    let log = Log::open(context)?;
    let read = read(rebuild, context, &log)?;
    let changes: Vec<Change<'_>> = read.changes.iter().map(Held::change).collect();
    let mut schedule = Schedule::of(service, &read.shadow, &changes);
    let skipped = std::mem::take(&mut schedule.skipped);
    let (nodes, forced) = schedule.sorted();

    let replayer = Replayer { service, messages: &read.messages, topics: &log.topics, codec: &context.codec };
    let mut progress = Progress::new(i64::try_from(nodes.len()).unwrap_or(i64::MAX));
    let done = |steps| (0..steps).for_each(|_| progress.tick());
    let replaying = replayer::replay(&replayer, context, &rebuild.database, read.hold, &nodes, done);
    let emitted = context.runtime.block_on(replaying)?;
    let speed = progress.end();
    let wrong = wrong(&nodes, emitted, &log.topics);
    let (parked, rows) = context.runtime.block_on(async {
        let parked = compare::parked(&pool, live.as_ref(), &context.prefix).await?;
        let rows = match &live {
            Some(live) => Some(compare::differences(service, &pool, live).await?),
            None => None,
        };
        Ok::<_, AuditError>((parked, rows))
    })?;
    let report = Report {
        steps: nodes.len(),
        seconds: speed.seconds,
        forced,
        skipped: &skipped,
        malformed: read.malformed,
        truncated: read.truncated,
        wrong: &wrong,
        parked: &parked,
        rows: rows.as_ref().map(|(rows, compared)| (&**rows, *compared)),
        topics: &log.topics,
    };
    let written = if rebuild.json { report.json(out) } else { report.text(out) };
    written.and_then(|()| out.flush()).map_err(AuditError::Write)?;
    Ok(if report.holds() { Outcome::Holds } else { Outcome::Differs })
}

struct Read {
    shadow: Shadow,
    /// Messages that a service has parked for a name or an amount in them: the topic with its prefix, partition and offset.
    inadmissible: HashSet<(String, i32, i64)>,
    /// What the service consumes.
    messages: HashMap<Position, FullMessage>,
    changes: Vec<Held>,
    hold: Duration,
    malformed: u64,
    truncated: bool,
}

/// A change of a product, with its sku.
struct Held {
    position: Position,
    time: minuet_events::values::Micros,
    sku: String,
    event: Option<Uuid>,
}

impl Held {
    fn change(&self) -> Change<'_> {
        let Held { position, time, sku, event } = self;
        Change { position: *position, time: *time, sku, event: *event }
    }
}

fn read(rebuild: &Rebuild, context: &Context, log: &Log) -> Result<Read, AuditError> {
    let all = Wanted { topics: Vec::new(), partitions: Vec::new(), from: Point::Beginning, until: None };
    let selection = log.select(&all, context)?;
    selection.survey.stands(rebuild.strict)?;
    let truncated = !selection.survey.truncated.is_empty();
    let decoder = Decoder { codec: &context.codec, catalogue: &context.catalogue, runtime: &context.runtime };
    let mut read = Read {
        shadow: Shadow::new(Build::PRESENT, truncated),
        inadmissible: HashSet::new(),
        messages: HashMap::new(),
        changes: Vec::new(),
        hold: Duration::minutes(15),
        malformed: 0,
        truncated,
    };
    log.read(
        &selection,
        |message, position| FullMessage::of(message, position, &decoder, &log.topics),
        |message| {
            let message = message?;
            let position = message.position;
            let consumed = match &message.content {
                Ok(Content::Event(record)) => {
                    let event_type = record.head.event_type;
                    if event_type == EventType::ProductChanged {
                        let (time, event) = (record.head.recorded, Some(record.head.id));
                        read.changes.push(Held { position, time, sku: record.event.key(), event });
                    }
                    if let Event::EventParked(parked) = &record.event
                        && INADMISSIBLE.iter().any(|reason| parked.reason.starts_with(reason))
                    {
                        read.inadmissible.insert((parked.topic.clone(), parked.partition, parked.offset));
                    }
                    if let Event::InventoryReserved(reserved) = &record.event {
                        read.hold = reserved.expires_at.since(record.head.time);
                    }
                    read.shadow.take_in((**record).clone());
                    consumes(rebuild.service, event_type)
                }
                Ok(Content::Tombstone { key, .. }) => {
                    let time = message.timestamp;
                    read.shadow.erased(key, position, time);
                    read.changes.push(Held { position, time, sku: key.clone(), event: None });
                    true
                }
                Err(malformed) if rebuild.strict => {
                    let detail = format!("{}: {}", malformed.code, malformed.detail);
                    return Err(AuditError::Strict { position: log.topics.show(position), detail });
                }
                Err(_) => {
                    read.malformed += 1;
                    false
                }
            };
            if consumed {
                read.messages.insert(position, message);
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    read.shadow.all_taken_in();
    let Read { changes, inadmissible, .. } = &mut read;
    changes.retain(|Held { position, .. }| {
        let topic = TopicName::new(&context.prefix, log.topics.name(*position));
        !inadmissible.contains(&(topic.full().to_owned(), position.partition.into(), position.offset))
    });
    Ok(read)
}

/// What the service emitted otherwise than it was recorded.
fn wrong(nodes: &[Node<'_>], mut emitted: Emitted, topics: &Topics) -> Vec<String> {
    let mut wrong = Vec::new();
    for outcome in nodes.iter().filter_map(|node| node.step.outcome()) {
        let (name, position) = (outcome.head.event_type, topics.show(outcome.head.position));
        match emitted.remove(&outcome.head.id) {
            Some(event) if event == outcome.event => {}
            Some(_) => wrong.push(format!("{name} came out with another payload  ({position})")),
            None => wrong.push(format!("{name} did not come out  ({position})")),
        }
    }
    wrong.extend(
        emitted.values().map(|event| format!("{} of {} was not recorded", event.event_type(), event.key())),
    );
    wrong
}

struct Report<'a> {
    steps: usize,
    seconds: f64,
    forced: usize,
    skipped: &'a [Skipped],
    malformed: u64,
    truncated: bool,
    wrong: &'a [String],
    parked: &'a [String],
    rows: Option<(&'a [RowDiffers], usize)>,
    topics: &'a Topics,
}

impl Report<'_> {
    fn holds(&self) -> bool {
        let rows_agree = self.rows.is_none_or(|(rows, _)| rows.is_empty());
        self.skipped.is_empty() && self.wrong.is_empty() && self.parked.is_empty() && rows_agree
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for skipped in self.skipped.iter().take(SHOWN) {
            writeln!(out, "not rebuilt: {}: {}", skipped.order, self.reason(skipped))?;
        }
        for line in self.wrong.iter().take(SHOWN) {
            writeln!(out, "emitted: {line}")?;
        }
        for line in self.parked.iter().take(SHOWN) {
            writeln!(out, "parked: {line}")?;
        }
        if let Some((rows, compared)) = self.rows {
            for RowDiffers { table, key, what, fields } in rows.iter().take(SHOWN) {
                writeln!(out, "{table}: {key}: {what}")?;
                for field in fields {
                    writeln!(
                        out,
                        "    {}: {} is live, {} was rebuilt",
                        field.path, field.recorded, field.decided
                    )?;
                }
            }
            writeln!(out, "{compared} rows compared, {} differ", rows.len())?;
        }
        if self.truncated {
            writeln!(out, "the oldest events are gone: what they led to is missing")?;
        }
        writeln!(
            out,
            "{} steps in {:.1} s; orders not rebuilt: {}; emitted otherwise: {}; out of order: {}; odd messages: {}",
            self.steps,
            self.seconds,
            self.skipped.len(),
            self.wrong.len(),
            self.forced,
            self.malformed
        )
    }

    fn reason(&self, skipped: &Skipped) -> String {
        match &skipped.because {
            Some(difference) => difference.show(self.topics).join("\n    "),
            None => "too many arrival orders to try".to_owned(),
        }
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let order = |skipped: &Skipped| -> (OrderId, String) { (skipped.order, self.reason(skipped)) };
        let row = |row: &RowDiffers| {
            let fields = row.fields.iter();
            let fields = fields.map(|f| json!({"path": f.path, "live": f.recorded, "rebuilt": f.decided}));
            json!({"table": row.table, "key": row.key, "what": row.what, "fields": fields.collect::<Vec<_>>()})
        };
        let document = json!({
            "agrees": self.holds(),
            "steps": self.steps,
            "seconds": self.seconds,
            "not_rebuilt": self.skipped.iter().map(order).collect::<Vec<_>>(),
            "emitted_otherwise": self.wrong,
            "parked": self.parked,
            "out_of_order": self.forced,
            "odd": self.malformed,
            "truncated": self.truncated,
            "rows_compared": self.rows.map(|(_, compared)| compared),
            "rows_differing": self.rows.map(|(rows, _)| rows.iter().map(row).collect::<Vec<_>>()),
        });
        writeln!(out, "{document}")
    }
}
