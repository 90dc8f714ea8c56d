//! A service gives back each resource that it holds for a saga, once another service has failed the saga.

use minuet_envelope::EventKind;

use super::reachability::reached;
use super::{Rule, Violation};
use crate::choreography::{Expects, Participant, Reaction, State, StateKind, Trigger};
use crate::saga::Saga;

pub(super) fn compensated<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let mut found = Vec::new();
    for participant in &saga.participants {
        let others = saga.participants.iter().filter(|other| other.service != participant.service);
        let failures =
            others.flat_map(|other| other.announces).filter_map(|(event, expects)| match expects {
                Expects::Compensation => Some(*event),
                Expects::NextStep | Expects::Nothing => None,
            });
        for failure in failures {
            found.extend(after_the_step(saga, participant, failure));
            found.extend(before_the_step(saga, participant, failure));
        }
        found.extend(undeclared(saga, participant));
    }
    found
}

/// An event that makes a service give a resource back has to expect compensation. Otherwise the other checks overlook it.
fn undeclared<K: EventKind>(saga: &Saga<K>, participant: &Participant<K>) -> Vec<Violation> {
    let mut found = Vec::new();
    let holds = |name: &str| participant.state(name).is_some_and(|state| state.holds.is_some());
    for row in participant.reactions {
        let Some(event) = row.on.event() else { continue };
        let gives_back = |state: &&&str| holds(state) && row.after(state).any(|next| !holds(next));
        // An event from outside is a request, and is not announced: it fails no service.
        if let (Some(state), Some(Expects::NextStep | Expects::Nothing)) =
            (row.states.iter().find(gives_back), saga.expects(event))
        {
            let problem = "gives a resource back, but the event is not announced to expect compensation";
            let subject = format!("{event} in {state}");
            found.push(Violation::new(Rule::Compensated, participant.service, subject, problem));
        }
    }
    found
}

/// The failure arrives while a resource is held, or while the service may yet take one.
fn after_the_step<K: EventKind>(saga: &Saga<K>, participant: &Participant<K>, failure: K) -> Vec<Violation> {
    // A failure that is the alternative of the first step never follows that step.
    let first: Vec<K> = takes(participant).collect();
    if !first.is_empty() && first.iter().all(|step| are_alternatives(saga, failure, *step)) {
        return Vec::new();
    }
    let at_stake = participant
        .states
        .iter()
        .filter_map(|state| Some((state.name, stake(participant, state.name, &mut Vec::new())?)));
    at_stake
        .filter(|(state, _)| !participant.is_impossible(Trigger::Event(failure), state))
        .filter(|(state, _)| !gives_back(saga, participant, state, failure, &mut vec![failure]))
        .map(|(state, resource)| {
            let problem =
                format!("{resource} is held, or may yet be, and no reaction that follows gives it back");
            Violation::new(Rule::Compensated, participant.service, format!("{failure} in {state}"), problem)
        })
        .collect()
}

/// The failure overtakes the step that it is about: topics are not ordered among each other.
fn before_the_step<K: EventKind>(saga: &Saga<K>, participant: &Participant<K>, failure: K) -> Vec<Violation> {
    let Some((initial, row)) = participant
        .initial()
        .and_then(|initial| Some((initial, participant.transition(Trigger::Event(failure), initial)?)))
    else {
        return Vec::new();
    };
    if !reached(saga, Some(participant.service)).events.contains(&failure) {
        return Vec::new();
    }
    let topic = |event| saga.topic_of(event).map(|topic| topic.name.as_str());
    let overtaken = takes(participant).filter(|step| topic(*step) != topic(failure));
    overtaken
        .filter(|step| {
            row.after(initial).any(|next| {
                let step = participant.transition(Trigger::Event(*step), next);
                step.is_some_and(|step| takes_a_resource(participant, step, next))
            })
        })
        .map(|step| {
            let problem =
                format!("{step} may arrive later, and takes a resource that no compensation gives back");
            let subject = format!("{failure} in {initial}");
            Violation::new(Rule::Compensated, participant.service, subject, problem)
        })
        .collect()
}

/// The resource that is held in a state, or that the service may take from there without another event.
fn stake<K: EventKind>(
    participant: &Participant<K>,
    state: &str,
    seen: &mut Vec<String>,
) -> Option<&'static str> {
    let State { kind, holds, .. } = participant.state(state)?;
    if holds.is_some() || seen.iter().any(|name| name == state) {
        return *holds;
    }
    seen.push(state.to_owned());
    let StateKind::Open { ended_by } = kind else { return None };
    let rows = ended_by.iter().filter_map(|on| participant.transition(*on, state));
    rows.flat_map(|row| row.becomes).find_map(|next| stake(participant, next, seen))
}

/// The events on which the service leaves its initial state and takes a resource.
fn takes<K: EventKind>(participant: &Participant<K>) -> impl Iterator<Item = K> {
    let initial = participant.initial();
    participant.reactions.iter().filter_map(move |row| {
        let initial = initial.filter(|initial| row.states.contains(initial))?;
        row.on.event().filter(|_| takes_a_resource(participant, row, initial))
    })
}

fn takes_a_resource<K: EventKind>(participant: &Participant<K>, row: &Reaction<K>, state: &str) -> bool {
    row.after(state).any(|next| stake(participant, next, &mut Vec::new()).is_some())
}

/// Whether the two events are alternatives of one step that happens once.
fn are_alternatives<K: EventKind>(saga: &Saga<K>, one: K, other: K) -> bool {
    let rows = saga
        .participants
        .iter()
        .flat_map(|participant| participant.reactions.iter().map(move |row| (participant, row)));
    let mut emitting =
        rows.filter(|(_, row)| row.emits.contains(&one) || row.emits.contains(&other)).peekable();
    emitting.peek().is_some()
        && emitting.all(|(participant, row)| {
            let once = row.states.iter().all(|state| Some(*state) == participant.initial())
                && !row.becomes.is_empty();
            once && row.emits.contains(&one) && row.emits.contains(&other)
        })
}

/// Whether the service holds nothing after this event, or after an event that another service emits because of it.
fn gives_back<K: EventKind>(
    saga: &Saga<K>,
    participant: &Participant<K>,
    state: &str,
    event: K,
    seen: &mut Vec<K>,
) -> bool {
    let own = participant.transition(Trigger::Event(event), state);
    // Any: it may depend on the event's contents, such as the amount of a refund.
    if own.is_some_and(|row| row.after(state).any(|next| is_given_back(participant, next, &mut Vec::new()))) {
        return true;
    }
    let rows = saga.participants.iter().flat_map(|participant| participant.reactions);
    let follows: Vec<K> =
        rows.filter(|row| row.on.event() == Some(event)).flat_map(|row| row.emits).copied().collect();
    follows.into_iter().any(|next| {
        if seen.contains(&next) {
            return false;
        }
        seen.push(next);
        gives_back(saga, participant, state, next, seen)
    })
}

/// Whether the service holds nothing in a state, and can leave an open one without taking anything.
fn is_given_back<K: EventKind>(participant: &Participant<K>, state: &str, seen: &mut Vec<String>) -> bool {
    let Some(State { kind, holds: None, .. }) = participant.state(state) else { return false };
    let StateKind::Open { ended_by } = kind else { return true };
    if seen.iter().any(|name| name == state) {
        return false;
    }
    seen.push(state.to_owned());
    ended_by.iter().all(|on| {
        participant
            .transition(*on, state)
            .is_some_and(|row| row.becomes.iter().any(|next| is_given_back(participant, next, seen)))
    })
}
