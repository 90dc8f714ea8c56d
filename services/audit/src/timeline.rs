//! `audit timeline`: what happened to one order, across all topics and services, in the order of cause and effect.

mod gather;
mod mermaid;
mod show;
mod wait;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::Write;

use minuet_events::Event;
use minuet_events::values::{Micros, OrderId};
use minuet_story::{Awaited, OrderProgress};
use uuid::Uuid;

use crate::args::{Timeline as Arguments, TimelineFormat};
use crate::full_message::FullMessage;
use crate::log::Survey;
use crate::record::{Position, Topics};
use crate::{AuditError, Context, Outcome};
use wait::Wait;

/// One order's events, causes before effects.
#[derive(Debug)]
pub struct Timeline {
    pub order: OrderId,
    pub(crate) steps: Vec<Step>,
    /// Messages under the order's key that are no events.
    pub(crate) malformed: Vec<FullMessage>,
    /// What a service has set aside about it.
    pub(crate) parked: Vec<FullMessage>,
    pub progress: OrderProgress,
    pub(crate) topics: Topics,
    pub(crate) survey: Survey,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) message: FullMessage,
    pub(crate) time: Micros,
    /// The step that caused this one.
    pub(crate) cause: Option<usize>,
    /// How long after its cause it was emitted; negative where clocks differ.
    pub(crate) wait: Option<Wait>,
    /// Where it came again.
    pub(crate) again: Vec<Position>,
}

impl Step {
    fn is_of_service(&self) -> bool {
        self.message.record().is_some_and(|(head, _)| head.source.service().is_some())
    }
}

pub(crate) fn run(
    arguments: &Arguments,
    context: &Context,
    out: &mut dyn Write,
) -> Result<Outcome, AuditError> {
    let timeline = Timeline::of(context, arguments.order, arguments.from, arguments.to)?;
    timeline.survey.stands(arguments.strict)?;
    if let (true, Some(message)) = (arguments.strict, timeline.malformed.first()) {
        let position = timeline.topics.show(message.position);
        let detail = message
            .content
            .as_ref()
            .err()
            .map(|malformed| format!("{}: {}", malformed.code, malformed.detail));
        return Err(AuditError::Strict { position, detail: detail.unwrap_or_default() });
    }
    if timeline.is_empty() {
        return Err(AuditError::NoOrder { order: arguments.order });
    }
    let format = if arguments.json { TimelineFormat::Json } else { arguments.format };
    let written = match format {
        TimelineFormat::Text => timeline.lines().iter().try_for_each(|line| writeln!(out, "{line}")),
        TimelineFormat::Json => writeln!(out, "{}", timeline.json()),
        TimelineFormat::Mermaid => writeln!(out, "{}", mermaid::diagram(&timeline)),
    };
    written.and_then(|()| out.flush()).map_err(AuditError::Write)?;
    timeline.survey.note();
    Ok(Outcome::Holds)
}

impl Timeline {
    /// Reads what there is about an order. Blocks: not for the runtime's threads.
    ///
    /// # Errors
    /// What hinders the reading.
    pub fn of(
        context: &Context,
        order: OrderId,
        from: Option<Micros>,
        to: Option<Micros>,
    ) -> Result<Timeline, AuditError> {
        gather::gather(context, order, from, to)
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.malformed.is_empty() && self.parked.is_empty()
    }

    /// Nothing is owed to the order any more.
    pub fn is_at_rest(&self) -> bool {
        !self.steps.is_empty() && self.progress.is_at_rest()
    }

    pub fn awaited(&self) -> Vec<Awaited> {
        self.progress.awaited()
    }

    pub(crate) fn build(
        order: OrderId,
        messages: Vec<FullMessage>,
        topics: Topics,
        survey: Survey,
    ) -> Timeline {
        let (mut events, mut malformed, mut parked): (Vec<(FullMessage, Vec<Position>)>, _, _) =
            (Vec::new(), Vec::new(), Vec::new());
        let mut known: HashMap<(u64, Uuid), usize> = HashMap::new();
        for message in messages {
            match message.record() {
                None => malformed.push(message),
                Some((_, Event::EventParked(_))) => parked.push(message),
                Some((head, _)) => {
                    let source =
                        crate::record::hash(message.header("ce_source").unwrap_or_default().as_bytes());
                    match known.get(&(source, head.id)) {
                        Some(at) => events[*at].1.push(message.position),
                        None => {
                            known.insert((source, head.id), events.len());
                            events.push((message, Vec::new()));
                        }
                    }
                }
            }
        }
        let steps = in_causal_order(events);
        let mut progress = OrderProgress::default();
        for step in &steps {
            if let Some((head, event)) = step.message.record() {
                progress.see(event, head.id, head.cause, head.position.partition);
            }
        }
        Timeline { order, steps, malformed, parked, progress, topics, survey }
    }
}

/// Effects after their causes, whatever the clocks say; what is free of each other by time.
fn in_causal_order(events: Vec<(FullMessage, Vec<Position>)>) -> Vec<Step> {
    struct Node {
        id: Uuid,
        cause: Option<Uuid>,
        time: Micros,
        position: Position,
    }
    let nodes: Vec<Option<Node>> = events
        .iter()
        .map(|(message, _)| {
            message.record().map(|(head, _)| Node {
                id: head.id,
                cause: head.cause,
                time: head.time,
                position: head.position,
            })
        })
        .collect();
    let by_id: HashMap<Uuid, usize> =
        nodes.iter().enumerate().filter_map(|(at, node)| Some((node.as_ref()?.id, at))).collect();
    let cause_of = |at: usize| {
        let cause = nodes[at].as_ref()?.cause?;
        by_id.get(&cause).copied().filter(|cause| *cause != at)
    };
    let mut effects: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut ready = BinaryHeap::new();
    let key = |at: usize| {
        let node = nodes[at].as_ref();
        Reverse((node.map(|node| node.time), node.map(|node| node.position), at))
    };
    for at in 0..nodes.len() {
        match cause_of(at) {
            Some(cause) => effects[cause].push(at),
            None => ready.push(key(at)),
        }
    }
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse((_, _, at))) = ready.pop() {
        order.push(at);
        ready.extend(effects[at].iter().map(|effect| key(*effect)));
    }
    // A circle of causes: nobody can have emitted that, but anybody can have written it.
    let mut placed = vec![false; nodes.len()];
    order.iter().for_each(|at| placed[*at] = true);
    order.extend((0..nodes.len()).filter(|at| !placed[*at]));

    let step_of: HashMap<usize, usize> = order.iter().enumerate().map(|(step, at)| (*at, step)).collect();
    let mut messages: Vec<Option<(FullMessage, Vec<Position>)>> = events.into_iter().map(Some).collect();
    let time = |at: usize| nodes[at].as_ref().map_or(Micros(0), |node| node.time);
    let steps = order.iter().filter_map(|&at| {
        let (message, again) = messages[at].take()?;
        let cause = cause_of(at);
        Some(Step {
            message,
            time: time(at),
            cause: cause.and_then(|cause| step_of.get(&cause).copied()),
            wait: cause.map(|cause| Wait::between(time(cause), time(at))),
            again,
        })
    });
    steps.collect()
}
