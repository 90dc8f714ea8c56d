//! `audit timeline`: what happened to one order, across all topics and services, in the order of cause and effect.

mod gather;
mod mermaid;
mod show;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::Write;

use minuet_events::Event;
use minuet_events::values::{Micros, OrderId};
use time::Duration;
use uuid::Uuid;

use crate::args::{Timeline as Arguments, TimelineFormat};
use crate::log::Survey;
use crate::record::{Place, Topics};
use crate::story::{Awaited, Story};
use crate::whole::Whole;
use crate::{AuditError, Context, Outcome};

/// One order's events, causes before effects.
#[derive(Debug)]
pub struct Timeline {
    pub order: OrderId,
    pub(crate) steps: Vec<Step>,
    /// Messages under the order's key that are no events.
    pub(crate) odd: Vec<Whole>,
    /// What a service has set aside about it.
    pub(crate) parked: Vec<Whole>,
    pub story: Story,
    pub(crate) topics: Topics,
    pub(crate) survey: Survey,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) whole: Whole,
    pub(crate) time: Micros,
    /// The step that caused this one.
    pub(crate) cause: Option<usize>,
    /// How long after its cause it was emitted; negative where clocks differ.
    pub(crate) wait: Option<Duration>,
    /// Where it came again.
    pub(crate) again: Vec<Place>,
}

pub(crate) fn run(
    arguments: &Arguments,
    context: &Context,
    out: &mut dyn Write,
) -> Result<Outcome, AuditError> {
    let timeline = Timeline::of(context, arguments.order, arguments.from, arguments.to)?;
    timeline.survey.stands(arguments.strict)?;
    if let (true, Some(whole)) = (arguments.strict, timeline.odd.first()) {
        let place = timeline.topics.show(whole.place);
        let detail = whole.content.as_ref().err().map(|odd| format!("{}: {}", odd.code, odd.detail));
        return Err(AuditError::Strict { place, detail: detail.unwrap_or_default() });
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
        self.steps.is_empty() && self.odd.is_empty() && self.parked.is_empty()
    }

    /// Nothing is owed to the order any more.
    pub fn is_at_rest(&self) -> bool {
        !self.steps.is_empty() && self.story.is_at_rest()
    }

    pub fn awaited(&self) -> Vec<Awaited> {
        self.story.awaited()
    }

    pub(crate) fn build(order: OrderId, wholes: Vec<Whole>, topics: Topics, survey: Survey) -> Timeline {
        let (mut events, mut odd, mut parked): (Vec<(Whole, Vec<Place>)>, _, _) =
            (Vec::new(), Vec::new(), Vec::new());
        let mut known: HashMap<(u64, Uuid), usize> = HashMap::new();
        for whole in wholes {
            match whole.record() {
                None => odd.push(whole),
                Some((_, Event::EventParked(_))) => parked.push(whole),
                Some((head, _)) => {
                    let source =
                        crate::record::hash(whole.header("ce_source").unwrap_or_default().as_bytes());
                    match known.get(&(source, head.id)) {
                        Some(at) => events[*at].1.push(whole.place),
                        None => {
                            known.insert((source, head.id), events.len());
                            events.push((whole, Vec::new()));
                        }
                    }
                }
            }
        }
        let steps = in_causal_order(events);
        let mut story = Story::default();
        for step in &steps {
            if let Some((head, _)) = step.whole.record() {
                story.see(head.event_type, head.id, head.cause, head.place.partition);
            }
        }
        Timeline { order, steps, odd, parked, story, topics, survey }
    }
}

/// Effects after their causes, whatever the clocks say; what is free of each other by time.
fn in_causal_order(events: Vec<(Whole, Vec<Place>)>) -> Vec<Step> {
    struct Node {
        id: Uuid,
        cause: Option<Uuid>,
        time: Micros,
        place: Place,
    }
    let nodes: Vec<Option<Node>> = events
        .iter()
        .map(|(whole, _)| {
            whole.record().map(|(head, _)| Node {
                id: head.id,
                cause: head.cause,
                time: head.time,
                place: head.place,
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
        Reverse((node.map(|node| node.time), node.map(|node| node.place), at))
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
    let mut wholes: Vec<Option<(Whole, Vec<Place>)>> = events.into_iter().map(Some).collect();
    let time = |at: usize| nodes[at].as_ref().map_or(Micros(0), |node| node.time);
    let steps = order.iter().filter_map(|&at| {
        let (whole, again) = wholes[at].take()?;
        let cause = cause_of(at);
        Some(Step {
            whole,
            time: time(at),
            cause: cause.and_then(|cause| step_of.get(&cause).copied()),
            wait: cause.map(|cause| time(at).since(time(cause))),
            again,
        })
    });
    steps.collect()
}
