//! Reading little: the partition follows from the key, and the time, mostly, from the id.

use std::ops::ControlFlow;

use minuet_events::values::{Micros, OrderId};
use minuet_events::{EventType, ids, partition};
use minuet_messaging::topics::Key;
use time::{Duration, OffsetDateTime};

use super::{Step, Timeline};
use crate::decode::Decoder;
use crate::full_message::FullMessage;
use crate::log::{Log, Point, Survey, Wanted};
use crate::record::Position;
use crate::{AuditError, Context};

/// Clocks differ, and a cancellation may come before its order.
const BEFORE: Duration = Duration::minutes(5);

pub(super) fn gather(
    context: &Context,
    order: OrderId,
    from: Option<Micros>,
    to: Option<Micros>,
) -> Result<Timeline, AuditError> {
    let log = Log::open(context)?;
    let start = from.or_else(|| time_in(order)).map_or(Point::Beginning, Point::At);
    let (likely, survey) = read(&log, context, order, start, to, true)?;
    let timeline = Timeline::build(order, likely, log.topics.clone(), survey);
    if is_whole(&timeline, from) {
        return Ok(timeline);
    }
    // The id says nothing true about its time, or a stranger's partitioner placed some of the events.
    let start = from.map_or(Point::Beginning, Point::At);
    let (all, survey) = read(&log, context, order, start, to, false)?;
    Ok(Timeline::build(order, all, log.topics, survey))
}

/// As far as can be told: its beginning is there, if it is not left out on purpose, and so is every cause.
fn is_whole(timeline: &Timeline, from: Option<Micros>) -> bool {
    let begins = timeline.progress.seen.has(EventType::OrderSubmitted);
    let is_caused = |step: &Step| {
        let cause = step.message.record().and_then(|(head, _)| head.cause);
        cause.is_none() || step.cause.is_some()
    };
    from.is_some() || begins && timeline.steps.iter().all(is_caused)
}

/// A time that an id seems to carry: some carry none, and say anything.
fn time_in(order: OrderId) -> Option<Micros> {
    let now = Micros::from_datetime(OffsetDateTime::now_utc());
    let time = ids::time_of(order.as_uuid())?.plus(-BEFORE);
    (Micros(0) < time && time < now).then_some(time)
}

fn read(
    log: &Log,
    context: &Context,
    order: OrderId,
    from: Point,
    until: Option<Micros>,
    only_its_partition: bool,
) -> Result<(Vec<FullMessage>, Survey), AuditError> {
    let key = order.to_string();
    let topics = context.catalogue.topics().iter();
    let topics =
        topics.filter(|topic| topic.key == Key::Field("order_id".into()) || topic.key == Key::Original);
    let topics: Vec<String> = topics.map(|topic| topic.name.clone()).filter(|name| log.has(name)).collect();
    let its = partition::shard(key.as_bytes(), context.catalogue.partitions());
    let partitions = if only_its_partition { i32::try_from(its).into_iter().collect() } else { Vec::new() };
    let selection = log.select(&Wanted { topics, partitions, from, until }, context)?;
    let decoder = Decoder { codec: &context.codec, catalogue: &context.catalogue, runtime: &context.runtime };
    let (mut found, mut failed) = (Vec::new(), None);
    log.reader.scan(&selection.slices, |message| {
        if message.key() != Some(key.as_bytes()) {
            return ControlFlow::Continue(());
        }
        let position = Position { offset: message.offset, ..selection.positions[message.slice] };
        match FullMessage::of(&message, position, &decoder, &log.topics) {
            Ok(full) => {
                found.push(full);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    // As far as partitions are in the order of time, so is this.
    found.sort_by_key(|full| (full.timestamp, full.position));
    Ok((found, selection.survey))
}
