//! What one service keeps for an order is given back once another one has failed it.

use minuet_events::EventType;
use minuet_saga::{Expects, State, StateKind};
use minuet_saga::{Participant, Reaction, Trigger};

use super::reach::reach;
use super::{Rule, Violation};
use crate::dance::{Dance, initial};

pub(super) fn undone(dance: &Dance) -> Vec<Violation> {
    let mut found = Vec::new();
    for part in &dance.parts {
        let failures = dance.parts.iter().filter(|other| other.service != part.service).flat_map(|other| {
            other.announces.iter().filter(|(_, asks)| *asks == Expects::Compensation).map(|(event, _)| *event)
        });
        for failure in failures {
            found.extend(later(dance, part, failure));
            found.extend(earlier(dance, part, failure));
        }
        found.extend(undeclared(dance, part));
    }
    found
}

/// What makes a service give something back is a failure, and has to be declared one: else the rest looks away.
fn undeclared(dance: &Dance, part: &Participant<EventType>) -> Vec<Violation> {
    let mut found = Vec::new();
    let keeps = |name: &str| part.state(name).is_some_and(|state| state.holds.is_some());
    for row in part.reactions {
        let Some(event) = row.on.event() else { continue };
        let asks = dance.parts.iter().find_map(|other| other.expects(event));
        let gives_back = |state: &&&str| keeps(state) && row.after(state).any(|next| !keeps(next));
        // What comes from outside asks for something, and fails nobody.
        if let (Some(state), Some(Expects::NextStep | Expects::Nothing)) =
            (row.states.iter().find(gives_back), asks)
        {
            let problem =
                "what is kept is given back, but the event is not declared to ask for that".to_owned();
            found.push(Violation::new(Rule::Undone, part.service, format!("{event} in {state}"), problem));
        }
    }
    found
}

/// A failure that comes once something is kept, or while it may yet be taken.
fn later(dance: &Dance, part: &Participant<EventType>, failure: EventType) -> Vec<Violation> {
    // What comes instead of the first step cannot come after it.
    let first: Vec<EventType> = takes(part).collect();
    if !first.is_empty() && first.iter().all(|step| is_instead(dance, failure, *step)) {
        return Vec::new();
    }
    let at_stake =
        part.states.iter().filter_map(|state| Some((state.name, stake(part, state.name, &mut Vec::new())?)));
    at_stake
        .filter(|(state, _)| !part.is_impossible(Trigger::Event(failure), state))
        .filter(|(state, _)| !gives_back(dance, part, state, failure, &mut vec![failure]))
        .map(|(state, what)| {
            let problem = format!("{what} is kept, or may be, and nothing that follows gives it back");
            Violation::new(Rule::Undone, part.service, format!("{failure} in {state}"), problem)
        })
        .collect()
}

/// A failure that comes before the step which it is about: topics are not ordered among each other.
fn earlier(dance: &Dance, part: &Participant<EventType>, failure: EventType) -> Vec<Violation> {
    let Some((begin, row)) =
        initial(part).and_then(|begin| Some((begin, part.transition(Trigger::Event(failure), begin)?)))
    else {
        return Vec::new();
    };
    if !reach(dance, Some(part.service)).events.contains(&failure) {
        return Vec::new();
    }
    let topic = |event| dance.topic_of(event).map(|topic| topic.name.as_str());
    let overtaken = takes(part).filter(|step| topic(*step) != topic(failure));
    overtaken
        .filter(|step| {
            row.after(begin).any(|next| {
                part.transition(Trigger::Event(*step), next)
                    .is_some_and(|row| takes_something(part, row, next))
            })
        })
        .map(|step| {
            let problem = format!("{step} may come after it, and would take what nobody gives back");
            Violation::new(Rule::Undone, part.service, format!("{failure} in {begin}"), problem)
        })
        .collect()
}

/// What is kept in a state, or may be without another event.
fn stake(part: &Participant<EventType>, state: &str, seen: &mut Vec<String>) -> Option<&'static str> {
    let State { kind: life, holds: keeps, .. } = part.state(state)?;
    if keeps.is_some() || seen.iter().any(|name| name == state) {
        return *keeps;
    }
    seen.push(state.to_owned());
    let StateKind::Open { ended_by } = life else { return None };
    let rows = ended_by.iter().filter_map(|on| part.transition(*on, state));
    rows.flat_map(|row| row.becomes).find_map(|next| stake(part, next, seen))
}

/// The events by which a service begins to keep something.
fn takes(part: &Participant<EventType>) -> impl Iterator<Item = EventType> {
    let begin = initial(part);
    part.reactions.iter().filter_map(move |row| {
        let begin = begin.filter(|begin| row.states.contains(begin))?;
        row.on.event().filter(|_| takes_something(part, row, begin))
    })
}

fn takes_something(part: &Participant<EventType>, row: &Reaction<EventType>, state: &str) -> bool {
    row.after(state).any(|next| stake(part, next, &mut Vec::new()).is_some())
}

/// Whether two events are alternatives of one step that is made once.
fn is_instead(dance: &Dance, one: EventType, other: EventType) -> bool {
    let rows = || dance.parts.iter().flat_map(|part| part.reactions.iter().map(move |row| (part, row)));
    let mut emitting =
        rows().filter(|(_, row)| row.emits.contains(&one) || row.emits.contains(&other)).peekable();
    emitting.peek().is_some()
        && emitting.all(|(part, row)| {
            let once =
                row.states.iter().all(|state| Some(*state) == initial(part)) && !row.becomes.is_empty();
            once && row.emits.contains(&one) && row.emits.contains(&other)
        })
}

/// Whether after this event, or another that somebody makes of it, the state does not keep anything.
fn gives_back(
    dance: &Dance,
    part: &Participant<EventType>,
    state: &str,
    event: EventType,
    seen: &mut Vec<EventType>,
) -> bool {
    let own = part.transition(Trigger::Event(event), state);
    if own.is_some_and(|row| row.after(state).all(|next| is_given_back(part, next, &mut Vec::new()))) {
        return true;
    }
    let rows = dance.parts.iter().flat_map(|part| part.reactions);
    let follows: Vec<EventType> =
        rows.filter(|row| row.on.event() == Some(event)).flat_map(|row| row.emits).copied().collect();
    follows.into_iter().any(|next| {
        if seen.contains(&next) {
            return false;
        }
        seen.push(next);
        gives_back(dance, part, state, next, seen)
    })
}

/// Whether nothing is kept in a state, nor need be once what was begun in it has ended.
fn is_given_back(part: &Participant<EventType>, state: &str, seen: &mut Vec<String>) -> bool {
    let Some(State { kind: life, holds: None, .. }) = part.state(state) else { return false };
    let StateKind::Open { ended_by } = life else { return true };
    if seen.iter().any(|name| name == state) {
        return false;
    }
    seen.push(state.to_owned());
    ended_by.iter().all(|on| {
        part.transition(*on, state)
            .is_some_and(|row| row.becomes.iter().any(|next| is_given_back(part, next, seen)))
    })
}
