//! A table says for each of its triggers what happens in each state, and names only states that exist.

use std::collections::BTreeSet;

use minuet_envelope::EventKind;

use super::reachability::reached;
use super::{Rule, Violation, name_of};
use crate::choreography::{ANY, Participant, Trigger};
use crate::saga::Saga;

pub(super) fn covered<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let reached = reached(saga, None);
    let mut found = Vec::new();
    for participant in &saga.participants {
        let service = participant.service;
        let mut wrong = |subject: String, problem: String| {
            found.push(Violation::new(Rule::Covered, service, subject, problem));
        };
        for state in
            participant.states.iter().filter(|state| !reached.states.contains(&(service, state.name)))
        {
            wrong(state.name.to_owned(), "no row leads to this state".to_owned());
        }
        for (at, name) in named(participant).filter(|(_, name)| participant.state(name).is_none()) {
            wrong(at, format!("there is no state {name}"));
        }
        for row in participant.reactions {
            if participant.initial().is_some_and(|initial| row.becomes.contains(&initial)) {
                wrong(name_of(row), "leads back to the initial state".to_owned());
            }
            if row.states == ANY && !row.becomes.is_empty() {
                wrong(name_of(row), "applies in any state, but changes the state".to_owned());
            }
        }
        for on in triggers(participant) {
            for state in participant.states {
                if let Some(problem) = of_pair(participant, on, state.name) {
                    wrong(format!("{on} in {}", state.name), problem);
                }
            }
        }
    }
    found
}

fn triggers<K: EventKind>(participant: &Participant<K>) -> BTreeSet<Trigger<K>> {
    let rows = participant.reactions.iter().map(|row| row.on);
    rows.chain(participant.impossible.iter().flat_map(|pair| pair.on).copied()).collect()
}

fn of_pair<K: EventKind>(participant: &Participant<K>, on: Trigger<K>, state: &str) -> Option<String> {
    let rows = participant.reactions.iter().filter(|row| row.on == on && row.applies(state)).count();
    let impossible = participant
        .impossible
        .iter()
        .filter(|pair| pair.on.contains(&on) && pair.states.contains(&state))
        .count();
    match (rows, impossible) {
        (1, 0) | (0, 1) => None,
        (0, 0) => Some("has no row, and is not declared impossible".to_owned()),
        (rows, 0) => Some(format!("has {rows} rows")),
        (0, impossible) => Some(format!("is declared impossible {impossible} times")),
        (_, _) => Some("has a row, and is declared impossible".to_owned()),
    }
}

/// Each place where the table names a state, and the name.
fn named<K: EventKind>(participant: &Participant<K>) -> impl Iterator<Item = (String, &'static str)> {
    let rows = participant.reactions.iter().flat_map(|row| {
        let states = row.states.iter().filter(|_| row.states != ANY);
        states.chain(row.becomes).map(|name| (name_of(row), *name))
    });
    let impossible = participant.impossible.iter().flat_map(|pair| {
        pair.states.iter().map(|name| (format!("impossible because {}", pair.because), *name))
    });
    rows.chain(impossible)
}
