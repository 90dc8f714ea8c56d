//! Mermaid: the happy path as a sequence, and the states of each service.

use std::collections::{BTreeMap, VecDeque};

use minuet_events::EventType;
use minuet_saga::{ANY, Expects, StateKind};
use minuet_saga::{Participant, Reaction, Trigger};

use super::{Dance, initial};

/// Plays the dance from an event on: everybody does the usual, which each row names first, and fails nobody.
pub(super) fn happy_path(dance: &Dance, first: EventType) -> Vec<String> {
    let mut states: BTreeMap<&str, &str> =
        dance.parts.iter().filter_map(|part| Some((part.service, initial(part)?))).collect();
    let mut lines =
        vec!["sequenceDiagram".to_owned(), "    participant outside as gateway, or anybody".to_owned()];
    lines.extend(dance.parts.iter().map(|part| format!("    participant {}", part.service)));
    let mut waiting = VecDeque::from([("outside", first)]);
    while let Some((from, event)) = waiting.pop_front() {
        if dance.readers(event).next().is_none() {
            lines.push(format!("    Note over {from}: {event}"));
        }
        for part in dance.parts.iter().filter(|part| super::consumes(part, event)) {
            let service = part.service;
            lines.push(format!("    {from}->>{service}: {event}"));
            let mut on = Trigger::Event(event);
            // What happens to a state may end it at once: the provider's answer does, time does not.
            while let Some((row, before)) =
                states.get(service).and_then(|s| Some((part.transition(on, s)?, *s)))
            {
                let next = row.becomes.first().copied().unwrap_or(before);
                if next != before {
                    let how = if on.event().is_some() { String::new() } else { format!("{on}: ") };
                    lines.push(format!("    Note over {service}: {how}{before} → {next}"));
                }
                states.insert(service, next);
                waiting.extend(usual(part, row).map(|event| (service, event)));
                let Some(answer) = answered(part, next).filter(|_| next != before) else { break };
                on = answer;
            }
        }
    }
    lines
}

fn usual(part: &Participant<EventType>, row: &Reaction<EventType>) -> Option<EventType> {
    row.emits.iter().copied().find(|event| part.expects(*event) != Some(Expects::Compensation))
}

fn answered(part: &Participant<EventType>, state: &str) -> Option<Trigger<EventType>> {
    let StateKind::Open { ended_by } = part.state(state)?.kind else { return None };
    ended_by.iter().copied().find(|on| matches!(on, Trigger::Provider(_)))
}

pub(super) fn states(part: &Participant<EventType>) -> Vec<String> {
    let mut ways: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    let at = |name: &str| part.states.iter().position(|state| state.name == name).unwrap_or_default();
    for row in part.reactions.iter().filter(|row| row.states != ANY) {
        for (from, next) in
            row.states.iter().flat_map(|from| row.becomes.iter().map(move |next| (from, next)))
        {
            if from != next {
                ways.entry((at(from), at(next))).or_default().push(row.on.to_string().replace(": ", " "));
            }
        }
    }
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    lines.extend(initial(part).map(|state| format!("    [*] --> {state}")));
    for ((from, next), on) in ways {
        lines.push(format!(
            "    {} --> {} : {}",
            part.states[from].name,
            part.states[next].name,
            on.join("<br/>")
        ));
    }
    let is_final = |life| matches!(life, StateKind::Terminal { .. });
    lines.extend(part.states.iter().filter(|s| is_final(s.kind)).map(|s| format!("    {} --> [*]", s.name)));
    lines
}
