//! Every compensation in one Mermaid flowchart: from the failure, through the reactions of the services, to the last event.

use std::collections::{BTreeMap, BTreeSet};

use minuet_envelope::EventKind;

use super::answered;
use crate::choreography::{Expects, Participant, Reaction, Trigger};
use crate::saga::Saga;

/// From one node to another, by a reaction of a service.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Arrow<K> {
    from: Node<K>,
    to: Node<K>,
    service: &'static str,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node<K> {
    Trigger(Trigger<K>),
    Event(K),
    /// A service and its state, which waits for the provider's answer before the service emits an event.
    Waiting(&'static str, &'static str),
}

impl<K: EventKind> Node<K> {
    fn id(&self) -> String {
        match self {
            Node::Trigger(Trigger::Time(name) | Trigger::Provider(name)) => format!("by_{name}"),
            Node::Trigger(Trigger::Event(event)) | Node::Event(event) => event.to_string(),
            Node::Waiting(service, state) => format!("{service}_{state}"),
        }
    }

    fn shape(&self) -> String {
        match self {
            Node::Trigger(Trigger::Time(name) | Trigger::Provider(name)) => {
                format!("{}([{name}])", self.id())
            }
            Node::Trigger(Trigger::Event(event)) | Node::Event(event) => format!("{}[{event}]", self.id()),
            Node::Waiting(service, state) => format!("{}[/{service} is {state}/]", self.id()),
        }
    }
}

pub(super) fn flowchart<K: EventKind>(saga: &Saga<K>) -> Vec<String> {
    let mut arrows: BTreeMap<Arrow<K>, BTreeSet<String>> = BTreeMap::new();
    for participant in &saga.participants {
        for row in participant.reactions {
            for (from, to, label) in steps(saga, participant, row) {
                let arrow = Arrow { from, to, service: participant.service };
                arrows.entry(arrow).or_default().insert(label);
            }
        }
    }
    let nodes: BTreeSet<&Node<K>> = arrows.keys().flat_map(|arrow| [&arrow.from, &arrow.to]).collect();
    let shapes: BTreeMap<String, String> = nodes.iter().map(|node| (node.id(), node.shape())).collect();
    let mut lines = vec!["flowchart LR".to_owned()];
    lines.extend(shapes.into_values().map(|shape| format!("    {shape}")));
    lines.extend(arrows.iter().map(|(Arrow { from, to, service }, labels)| {
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        format!("    {} -->|\"{service}: {}\"| {}", from.id(), labels.join(", "), to.id())
    }));
    lines
}

/// The arrows of a row that belong to a compensation: to an event that expects one, from such an event, or to a state that
/// waits for the provider.
fn steps<K: EventKind>(
    saga: &Saga<K>,
    participant: &Participant<K>,
    row: &Reaction<K>,
) -> Vec<(Node<K>, Node<K>, String)> {
    let service = participant.service;
    let compensates = |event| saga.expects(event) == Some(Expects::Compensation);
    let on_compensation = row.on.event().is_some_and(compensates);
    let states = row.states.join(", ");
    let next: Vec<&str> = row.becomes.iter().copied().filter(|next| !row.states.contains(next)).collect();
    let (froms, label) = match row.on {
        // The service asked the provider, so the arrow starts at the state that waited for the answer.
        Trigger::Provider(answer) => {
            (row.states.iter().map(|state| Node::Waiting(service, state)).collect(), answer.to_owned())
        }
        on if next.is_empty() => (vec![Node::Trigger(on)], states),
        on => (vec![Node::Trigger(on)], format!("{states} → {}", next.join(" or "))),
    };
    let is_silent = row.emits.is_empty() || matches!(row.on, Trigger::Provider(_));
    let begins = row.states.iter().any(|state| Some(*state) == participant.initial());
    let mut steps = Vec::new();
    for from in froms {
        for &event in row.emits {
            let ends = on_compensation && saga.expects(event) == Some(Expects::Nothing);
            if compensates(event) || ends {
                steps.push((from.clone(), Node::Event(event), label.clone()));
            }
        }
        let waits = |state: &&&str| answered(participant, state).is_some();
        for next in row.becomes.iter().filter(|_| is_silent && !begins).filter(waits) {
            steps.push((from.clone(), Node::Waiting(service, next), label.clone()));
        }
    }
    steps
}
