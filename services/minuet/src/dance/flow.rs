//! Mermaid: every compensation in one picture. From what fails, through what each service makes of it, to what ends there.

use std::collections::{BTreeMap, BTreeSet};

use minuet_events::EventType;
use minuet_saga::{Expects, StateKind};
use minuet_saga::{Participant, Reaction, Trigger};

use super::{Dance, initial};

/// From one node to another, by way of a service and its states.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    from: Node,
    to: Node,
    service: &'static str,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Trigger(Trigger<EventType>),
    Event(EventType),
    /// Silent: nothing is emitted before something else comes.
    State(&'static str, &'static str),
}

impl Node {
    fn id(&self) -> String {
        match self {
            Node::Trigger(Trigger::Time(name) | Trigger::Provider(name)) => format!("by_{name}"),
            Node::Trigger(Trigger::Event(event)) | Node::Event(event) => event.to_string(),
            Node::State(service, state) => format!("{service}_{state}"),
        }
    }

    fn shape(&self) -> String {
        match self {
            Node::Trigger(Trigger::Time(name) | Trigger::Provider(name)) => {
                format!("{}([{name}])", self.id())
            }
            Node::Trigger(Trigger::Event(event)) | Node::Event(event) => format!("{}[{event}]", self.id()),
            Node::State(service, state) => format!("{}[/{service} is {state}/]", self.id()),
        }
    }
}

pub(super) fn compensations(dance: &Dance) -> Vec<String> {
    let mut ways: BTreeMap<Way, BTreeSet<String>> = BTreeMap::new();
    for part in &dance.parts {
        for row in part.reactions {
            for (from, to, label) in steps(dance, part, row) {
                ways.entry(Way { from, to, service: part.service }).or_default().insert(label);
            }
        }
    }
    let nodes: BTreeSet<&Node> = ways.keys().flat_map(|way| [&way.from, &way.to]).collect();
    let shapes: BTreeMap<String, String> = nodes.iter().map(|node| (node.id(), node.shape())).collect();
    let mut lines = vec!["flowchart LR".to_owned()];
    lines.extend(shapes.into_values().map(|shape| format!("    {shape}")));
    lines.extend(ways.iter().map(|(Way { from, to, service }, labels)| {
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        format!("    {} -->|\"{service}: {}\"| {}", from.id(), labels.join(", "), to.id())
    }));
    lines
}

/// The steps of a row that belong to an undoing: towards an event that undoes, from one, or towards a state that is left by
/// itself on the way back.
fn steps(
    dance: &Dance,
    part: &Participant<EventType>,
    row: &Reaction<EventType>,
) -> Vec<(Node, Node, String)> {
    let asks = |event| dance.parts.iter().find_map(|part| part.expects(event));
    let undoes = |event| asks(event) == Some(Expects::Compensation);
    let from_undo = row.on.event().is_some_and(undoes);
    let mut steps = Vec::new();
    let states = row.states.join(", ");
    let next: Vec<&str> = row.becomes.iter().copied().filter(|next| !row.states.contains(next)).collect();
    let (froms, label) = match row.on {
        // Asked by itself, so the way goes on from the state that waited.
        Trigger::Provider(answer) => {
            (row.states.iter().map(|state| Node::State(part.service, state)).collect(), answer.to_owned())
        }
        on if next.is_empty() => (vec![Node::Trigger(on)], states),
        on => (vec![Node::Trigger(on)], format!("{states} → {}", next.join(" or "))),
    };
    let is_silent = row.emits.is_empty() || matches!(row.on, Trigger::Provider(_));
    let begins = row.states.iter().any(|state| Some(*state) == initial(part));
    for from in froms {
        for &event in row.emits {
            if undoes(event) || (from_undo && asks(event) == Some(Expects::Nothing)) {
                steps.push((from.clone(), Node::Event(event), label.clone()));
            }
        }
        for next in row.becomes.iter().filter(|next| is_silent && !begins && waits(part, next)) {
            steps.push((from.clone(), Node::State(part.service, next), label.clone()));
        }
    }
    steps
}

/// Whether a state is ended by the payment provider's answer.
fn waits(part: &Participant<EventType>, state: &str) -> bool {
    let Some(StateKind::Open { ended_by }) = part.state(state).map(|state| state.kind) else { return false };
    ended_by.iter().any(|on| matches!(on, Trigger::Provider(_)))
}
