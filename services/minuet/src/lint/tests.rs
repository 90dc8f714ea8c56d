//! The shop's saga breaks no rule. With one mistake it breaks the rule that is about it, and no other.

mod compensation;
mod contract;
mod routing;
mod termination;

use std::process::ExitCode;

use minuet_events::EventType;
use minuet_saga::lint::{Rule, violations};
use minuet_saga::{
    Expects, Impossible, Participant, Reaction, Saga, Schema, State, StateKind, Topic, Trigger, impossible,
    transition,
};

use super::report;
use crate::error::CliError;
use crate::saga::embedded;

const DEADLINE: Trigger<EventType> = Trigger::Time("deadline");

fn event(event: EventType) -> Trigger<EventType> {
    Trigger::Event(event)
}

fn saga() -> Saga<EventType> {
    embedded().expect("topics.yaml")
}

fn participant<'a>(saga: &'a mut Saga<EventType>, service: &str) -> &'a mut Participant<EventType> {
    saga.participants.iter_mut().find(|participant| participant.service == service).expect("a service")
}

fn topic<'a>(saga: &'a mut Saga<EventType>, name: &str) -> &'a mut Topic<EventType> {
    saga.topics.iter_mut().find(|topic| topic.name == name).expect("a topic")
}

/// Tables are `'static` data of a program, so a test leaks its own.
fn with_rows(participant: &mut Participant<EventType>, change: impl FnOnce(&mut Vec<Reaction<EventType>>)) {
    let mut rows = participant.reactions.to_vec();
    change(&mut rows);
    participant.reactions = rows.leak();
}

fn with_state(
    participant: &mut Participant<EventType>,
    name: &str,
    change: impl FnOnce(&mut State<EventType>),
) {
    let mut states = participant.states.to_vec();
    change(states.iter_mut().find(|state| state.name == name).expect("a state"));
    participant.states = states.leak();
}

/// Announces the event with another expectation, or not at all.
fn announce(participant: &mut Participant<EventType>, event: EventType, expects: Option<Expects>) {
    let mut announces = participant.announces.to_vec();
    announces.retain(|(announced, _)| *announced != event);
    announces.extend(expects.map(|expects| (event, expects)));
    participant.announces = announces.leak();
}

fn position(rows: &[Reaction<EventType>], on: Trigger<EventType>, state: &str) -> usize {
    rows.iter().position(|row| row.on == on && row.applies(state)).expect("a row")
}

/// With this change the shop's saga breaks exactly this rule, in lines that say so.
#[track_caller]
fn breaks(rule: Rule, says: &[&str], change: impl FnOnce(&mut Saga<EventType>)) {
    let mut saga = saga();
    change(&mut saga);
    let found = violations(&saga);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(!lines.is_empty(), "no violation was found");
    assert!(found.iter().all(|violation| violation.rule == rule), "{lines:#?}");
    for part in says {
        assert!(lines.iter().any(|line| line.contains(part)), "{part:?} in {lines:#?}");
    }
}

#[test]
fn the_services_fit_together() {
    let lines: Vec<String> = violations(&saga()).iter().map(ToString::to_string).collect();
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn a_violation_ends_the_command_with_status_1() {
    assert!(matches!(report(&saga()), Ok(())));
    let mut saga = saga();
    topic(&mut saga, "inventory.stock").consumers.push("order".to_owned());
    let error = report(&saga).expect_err("a violation");
    assert!(matches!(error, CliError::Lint { violations: 1 }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::FAILURE);
}
