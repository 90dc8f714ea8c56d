//! Whether a part says what is decided, cell by cell: neither more nor less. For the tests of each service, which knows how
//! to decide.

use std::collections::BTreeSet;

use minuet_events::EventType;

use super::{ANY, Impossible, Part, Reaction, Trigger};

/// What one thing does in one state. A state's name may stand in several cells: its data may matter.
pub struct Cell {
    pub on: Trigger,
    pub state: &'static str,
    pub does: Does,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Does {
    Illegal,
    Nothing,
    Something { becomes: &'static str, emits: Option<EventType> },
}

/// Each disagreement in a line. `beside`: events that are taken in whatever the state, and are not decided here.
pub fn disagreements(part: &Part, cells: &[Cell], beside: &[EventType]) -> Vec<String> {
    let states: BTreeSet<&str> = cells.iter().map(|cell| cell.state).collect();
    let declared: BTreeSet<&str> = part.states.iter().map(|state| state.name).collect();
    let mut found = Vec::new();
    if states != declared {
        found.push(format!("the states are {states:?}, but {declared:?} are declared"));
    }
    for on in triggers(part, cells, beside) {
        let rows: Vec<&Reaction> = part.reactions.iter().filter(|row| row.on == on).collect();
        let named: Vec<&str> = rows.iter().flat_map(|row| row.states).copied().collect();
        if on.event().is_some_and(|event| beside.contains(&event)) {
            found.extend((named != ANY).then(|| format!("{on} has one row, in any state")));
            continue;
        }
        let never = part.impossible.iter().filter(|never| never.on.contains(&on));
        let never: Vec<&str> = never.flat_map(|never| never.states).copied().collect();
        let strange = named.iter().chain(&never).filter(|state| !states.contains(*state));
        found.extend(strange.map(|state| format!("{on}: there is no state {state}")));
        for state in &states {
            let cells = || cells.iter().filter(|cell| cell.on == on && cell.state == *state);
            let legal: Vec<Does> =
                cells().map(|cell| cell.does).filter(|does| *does != Does::Illegal).collect();
            let rows: Vec<&&Reaction> = rows.iter().filter(|row| row.states.contains(state)).collect();
            let nevers = never.iter().filter(|never| *never == state).count();
            let problem = match (&rows[..], nevers, &legal[..]) {
                ([], 1, []) => None,
                ([], 0, []) => cells().next().map(|_| "neither a row nor a reason why not".to_owned()),
                ([], _, legal) => Some(format!("no row, but {legal:?} is decided")),
                ([_], 0, []) => Some("a row, but is illegal".to_owned()),
                ([row], 0, legal) => differs(row, state, legal),
                (rows, nevers, _) => Some(format!("{} rows, and is impossible {nevers} times", rows.len())),
            };
            found.extend(problem.map(|problem| format!("{on} in {state} has {problem}")));
        }
    }
    found
}

fn triggers(part: &Part, cells: &[Cell], beside: &[EventType]) -> BTreeSet<Trigger> {
    let rows = part.reactions.iter().map(|row| row.on);
    let never = part.impossible.iter().flat_map(|never| never.on).copied();
    let beside = beside.iter().map(|event| Trigger::Event(*event));
    rows.chain(never).chain(cells.iter().map(|cell| cell.on)).chain(beside).collect()
}

/// Every alternative of the row happens in this state, and nothing else does.
fn differs(row: &Reaction, state: &str, legal: &[Does]) -> Option<String> {
    let (mut becomes, mut emits) = (BTreeSet::new(), BTreeSet::new());
    for does in legal {
        let (next, event) = match does {
            Does::Something { becomes, emits } => (*becomes, *emits),
            Does::Nothing | Does::Illegal => (state, None),
        };
        // A row without a next state leaves the state as it is; so does a refusal, whatever else the row may lead to.
        let stays = next == state && (row.becomes.is_empty() || event.is_some());
        becomes.extend((!stays).then_some(next));
        emits.extend(event);
    }
    let said = (row.becomes.iter().copied().collect(), row.emits.iter().copied().collect());
    let done = (becomes, emits);
    (said != done).then(|| format!("a row that says {said:?}, but {done:?} is decided"))
}

/// The part with one thing wrong: a row is missing or there twice; it names too few states, or one that there is not;
/// it leads to a wrong state or to none; it emits too much or too little. Or what is impossible is not declared, or is
/// declared of too little or too much.
pub fn broken(part: &Part) -> Vec<Part> {
    let rows = part.reactions;
    let reactions = (0..rows.len()).flat_map(|at| {
        wrong(&rows[at])
            .into_iter()
            .map(move |instead| Part { reactions: replaced(rows, at, &instead), ..*part })
    });
    let nevers = part.impossible;
    let impossible = (0..nevers.len()).flat_map(|at| {
        let never = nevers[at];
        let instead = [
            vec![],
            vec![never, never],
            vec![Impossible { on: &never.on[1..], ..never }],
            vec![Impossible { states: &never.states[1..], ..never }],
            vec![Impossible { states: &["nowhere"], ..never }],
        ];
        instead.into_iter().map(move |instead| Part { impossible: replaced(nevers, at, &instead), ..*part })
    });
    reactions.chain(impossible).collect()
}

fn wrong(row: &Reaction) -> Vec<Vec<Reaction>> {
    let mut instead = vec![
        vec![],
        vec![*row, *row],
        vec![Reaction { states: &row.states[1..], ..*row }],
        vec![Reaction { states: &["nowhere"], ..*row }],
    ];
    if row.states == ANY {
        return instead;
    }
    instead.push(vec![Reaction { becomes: &["nowhere"], ..*row }]);
    instead.push(vec![Reaction { emits: EventType::ALL, ..*row }]);
    // A row that only leads back to its own state may as well name none.
    if !row.becomes.is_empty() && row.becomes != row.states {
        instead.push(vec![Reaction { becomes: &row.becomes[1..], ..*row }]);
    }
    if !row.emits.is_empty() {
        instead.push(vec![Reaction { emits: &row.emits[1..], ..*row }]);
    }
    instead
}

/// Parts are data of the program: a test's own live as long as the test's process.
fn replaced<T: Copy>(rows: &[T], at: usize, instead: &[T]) -> &'static [T] {
    Vec::leak([&rows[..at], instead, &rows[at + 1..]].concat())
}
