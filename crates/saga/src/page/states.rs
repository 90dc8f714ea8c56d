//! The states of one service as a Mermaid state diagram.

use std::collections::BTreeMap;

use minuet_envelope::EventKind;

use crate::choreography::{ANY, Participant, StateKind};

pub(super) fn diagram<K: EventKind>(participant: &Participant<K>) -> Vec<String> {
    let states = participant.states;
    let at = |name: &str| states.iter().position(|state| state.name == name).unwrap_or_default();
    let mut arrows: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for row in participant.reactions.iter().filter(|row| row.states != ANY) {
        for (from, next) in
            row.states.iter().flat_map(|from| row.becomes.iter().map(move |next| (from, next)))
        {
            if from != next {
                // A colon would end the label.
                let label = row.on.to_string().replace(": ", " ");
                arrows.entry((at(from), at(next))).or_default().push(label);
            }
        }
    }
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    lines.extend(participant.initial().map(|state| format!("    [*] --> {state}")));
    for ((from, next), on) in arrows {
        let (from, next) = (states[from].name, states[next].name);
        lines.push(format!("    {from} --> {next} : {}", on.join("<br/>")));
    }
    let terminal = states.iter().filter(|state| matches!(state.kind, StateKind::Terminal { .. }));
    lines.extend(terminal.map(|state| format!("    {} --> [*]", state.name)));
    lines
}
