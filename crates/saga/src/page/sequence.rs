//! The happy path as a Mermaid sequence diagram.

use std::collections::{BTreeMap, VecDeque};

use minuet_envelope::EventKind;

use super::answered;
use crate::choreography::{Expects, Participant, Reaction, Trigger};
use crate::saga::Saga;

/// Plays the saga from its first event on. Each service does the usual, which each row names first, and fails no saga.
pub(super) fn happy_path<K: EventKind>(saga: &Saga<K>, first: K, outside: &str) -> Vec<String> {
    let participants = saga.participants.iter();
    let mut states: BTreeMap<&str, &str> =
        participants.clone().filter_map(|one| Some((one.service, one.initial()?))).collect();
    let mut lines = vec!["sequenceDiagram".to_owned(), format!("    participant outside as {outside}")];
    lines.extend(participants.map(|one| format!("    participant {}", one.service)));
    let mut published = VecDeque::from([("outside", first)]);
    while let Some((from, event)) = published.pop_front() {
        if saga.readers(event).next().is_none() {
            lines.push(format!("    Note over {from}: {event}"));
        }
        for participant in saga.participants.iter().filter(|one| one.consumes(event)) {
            let service = participant.service;
            lines.push(format!("    {from}->>{service}: {event}"));
            let mut on = Trigger::Event(event);
            // The provider's answer ends the state that follows at once. A deadline does not.
            while let Some((row, before)) =
                states.get(service).and_then(|state| Some((participant.transition(on, state)?, *state)))
            {
                let next = row.becomes.first().copied().unwrap_or(before);
                if next != before {
                    let cause = if on.event().is_some() { String::new() } else { format!("{on}: ") };
                    lines.push(format!("    Note over {service}: {cause}{before} → {next}"));
                }
                states.insert(service, next);
                published.extend(usual(participant, row).map(|event| (service, event)));
                let Some(answer) = answered(participant, next).filter(|_| next != before) else { break };
                on = answer;
            }
        }
    }
    lines
}

fn usual<K: EventKind>(participant: &Participant<K>, row: &Reaction<K>) -> Option<K> {
    row.emits.iter().copied().find(|event| participant.expects(*event) != Some(Expects::Compensation))
}
