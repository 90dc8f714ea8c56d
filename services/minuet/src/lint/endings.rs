//! Every state is left, or may be kept; and in every state it is said what everything does.

use std::collections::BTreeSet;

use minuet_events::EventType;
use minuet_saga::{ANY, StateKind};
use minuet_saga::{Participant, Trigger};

use super::reach::reach;
use super::{Rule, Violation};
use crate::dance::{Dance, initial};

pub(super) fn ends(dance: &Dance) -> Vec<Violation> {
    let mut found = Vec::new();
    for part in &dance.parts {
        for state in part.states {
            let mut wrong =
                |row, problem: &str| found.push(Violation::new(Rule::Ends, part.service, row, problem));
            let leaves =
                |row: &minuet_saga::Reaction<EventType>| row.after(state.name).all(|next| next != state.name);
            match state.kind {
                StateKind::Initial => {}
                StateKind::Open { ended_by } => {
                    if ended_by.is_empty() {
                        wrong(state.name.to_owned(), "it is not final, and nothing ends it");
                    }
                    for on in ended_by {
                        let at = format!("{on} in {}", state.name);
                        match (on, part.transition(*on, state.name)) {
                            (Trigger::Event(_), _) => {
                                wrong(at, "is to end it, but an event need not come: it takes a deadline");
                            }
                            (_, None) => wrong(at, "is to end it, but has no row"),
                            (_, Some(row)) if !leaves(row) => {
                                wrong(at, "is to end it, but may leave it as it is")
                            }
                            (_, Some(_)) => {}
                        }
                    }
                }
                StateKind::Terminal { unless } => {
                    for row in part.reactions.iter().filter(|row| row.states.contains(&state.name)) {
                        let changes = row.after(state.name).any(|next| next != state.name);
                        if changes && !unless.contains(&row.on) {
                            wrong(
                                format!("{} in {}", row.on, state.name),
                                "it is final, but this changes it",
                            );
                        }
                    }
                    for on in unless {
                        if !part.transition(*on, state.name).is_some_and(leaves) {
                            wrong(format!("{on} in {}", state.name), "is to change it, but does not");
                        }
                    }
                }
            }
        }
    }
    found
}

pub(super) fn covered(dance: &Dance) -> Vec<Violation> {
    let reached = reach(dance, None);
    let mut found = Vec::new();
    for part in &dance.parts {
        let mut wrong = |row: String, problem: String| {
            found.push(Violation::new(Rule::Covered, part.service, row, problem));
        };
        for state in part.states.iter().filter(|state| !reached.states.contains(&(part.service, state.name)))
        {
            wrong(state.name.to_owned(), "nothing leads to it".to_owned());
        }
        for (at, name) in named(part).filter(|(_, name)| part.state(name).is_none()) {
            wrong(at, format!("there is no state {name}"));
        }
        for row in part.reactions {
            if initial(part).is_some_and(|begin| row.becomes.contains(&begin)) {
                wrong(
                    format!("{} in {}", row.on, row.states.join(", ")),
                    "leads back to the beginning".into(),
                );
            }
            if row.states == ANY && !row.becomes.is_empty() {
                wrong(
                    format!("{} in any", row.on),
                    "has nothing to do with the state, but changes it".into(),
                );
            }
        }
        let rows = part.reactions.iter().map(|row| row.on);
        let triggers: BTreeSet<Trigger<EventType>> =
            rows.chain(part.impossible.iter().flat_map(|never| never.on).copied()).collect();
        for on in triggers {
            for state in part.states {
                let rows =
                    part.reactions.iter().filter(|row| row.on == on && row.applies(state.name)).count();
                let nevers = part.impossible.iter();
                let nevers = nevers
                    .filter(|never| never.on.contains(&on) && never.states.contains(&state.name))
                    .count();
                let problem = match (rows, nevers) {
                    (1, 0) | (0, 1) => continue,
                    (0, 0) => "has no row, and is not declared impossible".to_owned(),
                    (rows, 0) => format!("has {rows} rows"),
                    (0, nevers) => format!("is declared impossible {nevers} times"),
                    (_, _) => "has a row, and is declared impossible".to_owned(),
                };
                wrong(format!("{on} in {}", state.name), problem);
            }
        }
    }
    found
}

/// Each place where a state is named, and the name.
fn named(part: &Participant<EventType>) -> impl Iterator<Item = (String, &'static str)> {
    let rows = part.reactions.iter().flat_map(|row| {
        let states = row.states.iter().filter(|_| row.states != ANY);
        states.chain(row.becomes).map(|name| (format!("{} in {}", row.on, row.states.join(", ")), *name))
    });
    let never = part.impossible.iter().flat_map(|never| {
        never.states.iter().map(|name| (format!("what is impossible: {}", never.because), *name))
    });
    rows.chain(never)
}
