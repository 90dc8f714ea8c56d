//! A saga leaves each open state, and leaves a terminal state only as declared.

use minuet_envelope::EventKind;

use super::{Rule, Violation, name_of};
use crate::choreography::{Participant, Reaction, State, StateKind, Trigger};
use crate::saga::Saga;

pub(super) fn terminates<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let mut found = Vec::new();
    for participant in &saga.participants {
        for state in participant.states {
            let problems = match state.kind {
                StateKind::Initial => Vec::new(),
                StateKind::Open { ended_by } => open(participant, state, ended_by),
                StateKind::Terminal { unless } => terminal(participant, state, unless),
            };
            found.extend(problems.into_iter().map(|(subject, problem)| {
                Violation::new(Rule::Terminates, participant.service, subject, problem)
            }));
        }
    }
    found
}

/// The subject, and what is wrong.
type Problem = (String, &'static str);

fn open<K: EventKind>(
    participant: &Participant<K>,
    state: &State<K>,
    ended_by: &[Trigger<K>],
) -> Vec<Problem> {
    if ended_by.is_empty() {
        return vec![(state.name.to_owned(), "the state is not terminal, but nothing ends it")];
    }
    let problem = |on: &Trigger<K>| match (on, participant.transition(*on, state.name)) {
        (Trigger::Event(_), _) => {
            Some("is declared to end the state, but an event may never arrive: declare a deadline")
        }
        (_, None) => Some("is declared to end the state, but has no row"),
        (_, Some(row)) if !leaves(row, state) => Some("is declared to end the state, but may keep it"),
        (_, Some(_)) => None,
    };
    ended_by
        .iter()
        .filter_map(|on| problem(on).map(|problem| (format!("{on} in {}", state.name), problem)))
        .collect()
}

fn terminal<K: EventKind>(
    participant: &Participant<K>,
    state: &State<K>,
    unless: &[Trigger<K>],
) -> Vec<Problem> {
    let rows = participant.reactions.iter().filter(|row| row.states.contains(&state.name));
    let undeclared = rows
        .filter(|row| row.after(state.name).any(|next| next != state.name) && !unless.contains(&row.on))
        .map(|row| (name_of(row), "changes a terminal state, but is not declared to"));
    let without_effect = unless
        .iter()
        .filter(|on| !participant.transition(**on, state.name).is_some_and(|row| may_leave(row, state)))
        .map(|on| (format!("{on} in {}", state.name), "is declared to change the state, but never does"));
    undeclared.chain(without_effect).collect()
}

/// Whether the row may lead out of the state: it may depend on the event's contents.
fn may_leave<K: EventKind>(row: &Reaction<K>, state: &State<K>) -> bool {
    row.after(state.name).any(|next| next != state.name)
}

/// Whether the row leads out of the state in any case.
fn leaves<K: EventKind>(row: &Reaction<K>, state: &State<K>) -> bool {
    row.after(state.name).all(|next| next != state.name)
}
