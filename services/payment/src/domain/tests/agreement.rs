//! Whether a table of reactions says what is decided, cell by cell: neither more nor less.

use std::collections::BTreeSet;

use minuet_events::EventType;
use minuet_messaging::Reaction;

/// What one event does in one state. A state's name may stand in several cells: its data may matter.
pub(super) struct Cell {
    pub(super) event: EventType,
    pub(super) state: &'static str,
    pub(super) does: Does,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Does {
    Illegal,
    Nothing,
    Something { becomes: &'static str, emits: Option<EventType> },
}

/// Each disagreement in a line. `beside`: events that are taken in whatever the state, and are not decided here.
pub(super) fn disagreements(table: &[Reaction], cells: &[Cell], beside: &[EventType]) -> Vec<String> {
    let states: BTreeSet<&str> = cells.iter().map(|cell| cell.state).collect();
    let mut found = Vec::new();
    for event in EventType::ALL {
        let rows: Vec<&Reaction> = table.iter().filter(|row| row.consumes == *event).collect();
        let named: Vec<&str> = rows.iter().flat_map(|row| row.states).copied().collect();
        if beside.contains(event) {
            found.extend((named != ["any"]).then(|| format!("{event} has one row, in any state")));
            continue;
        }
        let strange = named.iter().filter(|state| !states.contains(*state));
        found.extend(strange.map(|state| format!("{event}: there is no state {state}")));
        for state in &states {
            let legal: Vec<Does> = cells
                .iter()
                .filter(|cell| cell.event == *event && cell.state == *state && cell.does != Does::Illegal)
                .map(|cell| cell.does)
                .collect();
            let rows: Vec<&&Reaction> = rows.iter().filter(|row| row.states.contains(state)).collect();
            let problem = match (&rows[..], &legal[..]) {
                ([], []) => None,
                ([], legal) => Some(format!("no row, but {legal:?} is decided")),
                ([_], []) => Some("a row, but is illegal".to_owned()),
                ([row], legal) => differs(row, state, legal),
                (rows, _) => Some(format!("{} rows", rows.len())),
            };
            found.extend(problem.map(|problem| format!("{event} in {state} has {problem}")));
        }
    }
    found
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

/// The table with one thing wrong: a row is missing or there twice; it names too few states, or one that there is not;
/// it leads to a wrong state or to none; it emits too much or too little.
pub(super) fn broken(table: &[Reaction]) -> Vec<Vec<Reaction>> {
    let mut broken = Vec::new();
    for (at, row) in table.iter().enumerate() {
        let mut with = |rows: &[Reaction]| broken.push([&table[..at], rows, &table[at + 1..]].concat());
        with(&[]);
        with(&[*row, *row]);
        with(&[Reaction { states: &row.states[1..], ..*row }]);
        with(&[Reaction { states: &["nowhere"], ..*row }]);
        if row.states == ["any"] {
            continue;
        }
        with(&[Reaction { becomes: &["nowhere"], ..*row }]);
        with(&[Reaction { emits: EventType::ALL, ..*row }]);
        // A row that only leads back to its own state may as well name none.
        if !row.becomes.is_empty() && row.becomes != row.states {
            with(&[Reaction { becomes: &row.becomes[1..], ..*row }]);
        }
        if !row.emits.is_empty() {
            with(&[Reaction { emits: &row.emits[1..], ..*row }]);
        }
    }
    broken
}
