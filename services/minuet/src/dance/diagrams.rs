//! Mermaid: the happy path as a sequence, and the states of each service.

use std::collections::{BTreeMap, VecDeque};

use minuet_events::EventType;
use minuet_messaging::dance::{ANY, Asks, Life};
use minuet_messaging::{Part, Reaction, Trigger};

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
            while let Some((row, before)) = states.get(service).and_then(|s| Some((part.row(on, s)?, *s))) {
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

fn usual(part: &Part, row: &Reaction) -> Option<EventType> {
    row.emits.iter().copied().find(|event| part.asks(*event) != Some(Asks::Undo))
}

fn answered(part: &Part, state: &str) -> Option<Trigger> {
    let Life::Open { ended_by } = part.state(state)?.life else { return None };
    ended_by.iter().copied().find(|on| matches!(on, Trigger::Provider(_)))
}

pub(super) fn states(part: &Part) -> Vec<String> {
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
    let is_final = |life| matches!(life, Life::Final { .. });
    lines.extend(part.states.iter().filter(|s| is_final(s.life)).map(|s| format!("    {} --> [*]", s.name)));
    lines
}
