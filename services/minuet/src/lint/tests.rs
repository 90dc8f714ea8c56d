//! The real dance breaks no rule; broken in one place, it breaks the rule that is about it, and no other.

mod contract;
mod endings;
mod flow;
mod undoing;

use std::process::ExitCode;

use minuet_events::EventType;
use minuet_saga::{Expects, Impossible, State, StateKind, impossible, transition};
use minuet_saga::{Participant, Reaction, Trigger};

use super::{Rule, report, violations};
use crate::dance::Dance;
use crate::error::CliError;

const DEADLINE: Trigger<EventType> = Trigger::Time("deadline");

fn event(event: EventType) -> Trigger<EventType> {
    Trigger::Event(event)
}

fn dance() -> Dance {
    Dance::embedded().expect("topics.yaml")
}

impl Dance {
    fn part(&mut self, service: &str) -> &mut Participant<EventType> {
        self.parts.iter_mut().find(|part| part.service == service).expect("a service")
    }

    fn topic(&mut self, name: &str) -> &mut minuet_messaging::topics::Topic<EventType> {
        self.topics.iter_mut().find(|topic| topic.name == name).expect("a topic")
    }
}

/// Parts are data of the program: a test's own live as long as its process.
fn with_rows(part: &mut Participant<EventType>, change: impl FnOnce(&mut Vec<Reaction<EventType>>)) {
    let mut rows = part.reactions.to_vec();
    change(&mut rows);
    part.reactions = rows.leak();
}

fn with_states(part: &mut Participant<EventType>, name: &str, change: impl FnOnce(&mut State<EventType>)) {
    let mut states = part.states.to_vec();
    change(states.iter_mut().find(|state| state.name == name).expect("a state"));
    part.states = states.leak();
}

fn the_row(rows: &mut [Reaction<EventType>], on: Trigger<EventType>, state: &str) -> usize {
    rows.iter().position(|row| row.on == on && row.applies(state)).expect("a row")
}

/// Breaks the real dance: exactly this rule is broken, in lines that say so.
#[track_caller]
fn breaks(rule: Rule, says: &[&str], change: impl FnOnce(&mut Dance)) {
    let mut dance = dance();
    change(&mut dance);
    let found = violations(&dance);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(!lines.is_empty(), "nothing was found");
    assert!(found.iter().all(|violation| violation.rule == rule), "{lines:#?}");
    for part in says {
        assert!(lines.iter().any(|line| line.contains(part)), "{part:?} in {lines:#?}");
    }
}

#[test]
fn the_dance_fits_together() {
    let lines: Vec<String> = violations(&dance()).iter().map(ToString::to_string).collect();
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn a_broken_dance_ends_with_status_1() {
    assert!(matches!(report(&dance()), Ok(())));
    let mut dance = dance();
    dance.topic("inventory.stock").consumers.push("order".to_owned());
    let error = report(&dance).expect_err("a broken dance");
    assert!(matches!(error, CliError::DanceBroken { violations: 1 }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::FAILURE);
}
