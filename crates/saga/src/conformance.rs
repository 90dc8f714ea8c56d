//! Checks that a reaction table equals what the code decides, for every pair of a state and a trigger.
//!
//! A service's test decides each [`Case`] with the code that ships, and asserts that [`mismatches`] finds none. A second
//! test asserts that the cases notice each of the [`mutants`] of the table: a case that no test decides would hide a wrong
//! row.

use std::collections::BTreeSet;

use minuet_envelope::EventKind;

use crate::choreography::{ANY, Impossible, Participant, Reaction, Trigger};

/// What one trigger does in one state. Several cases may name the same state: a decision may depend on the state's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case<K> {
    /// The trigger that was decided.
    pub on: Trigger<K>,
    /// The name of the state before the decision.
    pub state: &'static str,
    /// The decision.
    pub observed: Observed<K>,
}

/// What the code decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed<K> {
    /// The state does not take the trigger.
    Illegal,
    /// Neither the state nor its data changed, and no event was emitted.
    NoOp,
    /// The trigger was applied.
    Applied {
        /// The state that follows; it may be the same.
        becomes: &'static str,
        /// The event that is emitted.
        emits: Option<K>,
    },
}

/// Each difference between the table and the cases, one per line. `stateless`: events that the service takes in any state
/// ([`ANY`]), so that no case decides them.
pub fn mismatches<K: EventKind>(
    participant: &Participant<K>,
    cases: &[Case<K>],
    stateless: &[K],
) -> Vec<String> {
    let states: BTreeSet<&str> = cases.iter().map(|case| case.state).collect();
    let declared: BTreeSet<&str> = participant.states.iter().map(|state| state.name).collect();
    let mut found = Vec::new();
    if states != declared {
        found.push(format!("the cases have the states {states:?}, but the table declares {declared:?}"));
    }
    for on in triggers(participant, cases, stateless) {
        let rows: Vec<&Reaction<K>> = participant.reactions.iter().filter(|row| row.on == on).collect();
        let named: Vec<&str> = rows.iter().flat_map(|row| row.states).copied().collect();
        if on.event().is_some_and(|event| stateless.contains(&event)) {
            found.extend((named != ANY).then(|| format!("{on} needs exactly one row, for any state")));
            continue;
        }
        let impossible = participant.impossible.iter().filter(|pair| pair.on.contains(&on));
        let impossible: Vec<&str> = impossible.flat_map(|pair| pair.states).copied().collect();
        let unknown = named.iter().chain(&impossible).filter(|state| !states.contains(*state));
        found.extend(unknown.map(|state| format!("{on}: there is no state {state}")));
        for state in &states {
            let cases = || cases.iter().filter(|case| case.on == on && case.state == *state);
            let legal: Vec<Observed<K>> =
                cases().map(|case| case.observed).filter(|observed| *observed != Observed::Illegal).collect();
            let rows: Vec<&&Reaction<K>> = rows.iter().filter(|row| row.states.contains(state)).collect();
            let declared = impossible.iter().filter(|name| *name == state).count();
            let problem = match (&rows[..], declared, &legal[..]) {
                ([], 1, []) => None,
                ([], 0, []) => {
                    cases().next().map(|_| "neither a row nor a declaration as impossible".to_owned())
                }
                ([], _, legal) => Some(format!("no row, but the code decides {legal:?}")),
                ([_], 0, []) => Some("a row, but is decided illegal".to_owned()),
                ([row], 0, legal) => difference(row, state, legal),
                (rows, declared, _) => {
                    Some(format!("{} rows and {declared} declarations as impossible", rows.len()))
                }
            };
            found.extend(problem.map(|problem| format!("{on} in {state} has {problem}")));
        }
    }
    found
}

fn triggers<K: EventKind>(
    participant: &Participant<K>,
    cases: &[Case<K>],
    stateless: &[K],
) -> BTreeSet<Trigger<K>> {
    let rows = participant.reactions.iter().map(|row| row.on);
    let impossible = participant.impossible.iter().flat_map(|pair| pair.on).copied();
    let stateless = stateless.iter().map(|event| Trigger::Event(*event));
    rows.chain(impossible).chain(cases.iter().map(|case| case.on)).chain(stateless).collect()
}

/// The alternatives of a row are those that the code decides in this state: no more and no fewer.
fn difference<K: EventKind>(row: &Reaction<K>, state: &str, legal: &[Observed<K>]) -> Option<String> {
    let (mut becomes, mut emits) = (BTreeSet::new(), BTreeSet::new());
    for observed in legal {
        let (next, event) = match observed {
            Observed::Applied { becomes, emits } => (*becomes, *emits),
            Observed::NoOp | Observed::Illegal => (state, None),
        };
        // A row without a next state keeps the state. A rejection keeps it too, whatever else the row may lead to.
        let stays = next == state && (row.becomes.is_empty() || event.is_some());
        becomes.extend((!stays).then_some(next));
        emits.extend(event);
    }
    let in_table = (row.becomes.iter().copied().collect(), row.emits.iter().copied().collect());
    let decided = (becomes, emits);
    (in_table != decided).then(|| format!("a row with {in_table:?}, but the code decides {decided:?}"))
}

/// The participant's table with one mistake at a time. A row is missing or doubled, names too few states or an unknown one,
/// leads to a wrong state or to none, or emits too much or too little. A declaration as impossible is missing or doubled,
/// or names too few triggers, too few states or an unknown state.
pub fn mutants<K: EventKind>(participant: &Participant<K>) -> Vec<Participant<K>> {
    let rows = participant.reactions;
    let reactions = (0..rows.len()).flat_map(|at| {
        mutated_row(&rows[at])
            .into_iter()
            .map(move |instead| Participant { reactions: replaced(rows, at, &instead), ..*participant })
    });
    let declared = participant.impossible;
    let impossible = (0..declared.len()).flat_map(|at| {
        let pair = declared[at];
        let instead = [
            vec![],
            vec![pair, pair],
            vec![Impossible { on: without_first(pair.on), ..pair }],
            vec![Impossible { states: without_first(pair.states), ..pair }],
            vec![Impossible { states: &["nowhere"], ..pair }],
        ];
        instead
            .into_iter()
            .map(move |instead| Participant { impossible: replaced(declared, at, &instead), ..*participant })
    });
    reactions.chain(impossible).collect()
}

fn mutated_row<K: EventKind>(row: &Reaction<K>) -> Vec<Vec<Reaction<K>>> {
    let mut instead = vec![
        vec![],
        vec![*row, *row],
        vec![Reaction { states: without_first(row.states), ..*row }],
        vec![Reaction { states: &["nowhere"], ..*row }],
    ];
    if row.states == ANY {
        return instead;
    }
    instead.push(vec![Reaction { becomes: &["nowhere"], ..*row }]);
    if let Some(more) = K::ALL.iter().find(|kind| !row.emits.contains(kind)) {
        instead.push(vec![Reaction { emits: Vec::leak([row.emits, &[*more]].concat()), ..*row }]);
    }
    // A row that leads back to its only state means the same without it.
    if !row.becomes.is_empty() && row.becomes != row.states {
        instead.push(vec![Reaction { becomes: without_first(row.becomes), ..*row }]);
    }
    if !row.emits.is_empty() {
        instead.push(vec![Reaction { emits: without_first(row.emits), ..*row }]);
    }
    instead
}

fn without_first<T>(list: &'static [T]) -> &'static [T] {
    list.get(1..).unwrap_or_default()
}

/// Tables are `'static` data of a program, so a mutant is leaked: it lives as long as the test's process.
fn replaced<T: Copy>(rows: &[T], at: usize, instead: &[T]) -> &'static [T] {
    Vec::leak([&rows[..at], instead, &rows[at + 1..]].concat())
}
