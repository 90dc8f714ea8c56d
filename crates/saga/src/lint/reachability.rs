//! Which states and events can come about at all, in any order of the events. An over-approximation: it forgets which
//! states of different services go together, so it finds too much rather than too little.

use std::collections::BTreeSet;

use minuet_envelope::EventKind;

use crate::choreography::{ANY, Trigger};
use crate::saga::Saga;

#[derive(Debug)]
pub(super) struct Reached<K> {
    /// Pairs of a service and its state.
    pub(super) states: BTreeSet<(&'static str, &'static str)>,
    pub(super) events: BTreeSet<K>,
}

/// `idle`: a service that stays in its initial state.
pub(super) fn reached<K: EventKind>(saga: &Saga<K>, idle: Option<&str>) -> Reached<K> {
    let begin = saga.participants.iter();
    let mut reached = Reached {
        states: begin.filter_map(|participant| Some((participant.service, participant.initial()?))).collect(),
        events: K::ALL.iter().copied().filter(|event| saga.comes_from_outside(*event)).collect(),
    };
    loop {
        let before = (reached.states.len(), reached.events.len());
        for participant in &saga.participants {
            let service = participant.service;
            for row in participant.reactions {
                let comes = match row.on {
                    Trigger::Event(event) => reached.events.contains(&event),
                    Trigger::Time(_) | Trigger::Provider(_) => true,
                };
                let applies = row.states == ANY
                    || row.states.iter().any(|state| reached.states.contains(&(service, *state)));
                let stays_idle = idle == Some(service) && !row.becomes.is_empty();
                if comes && applies && !stays_idle {
                    reached.states.extend(row.becomes.iter().map(|state| (service, *state)));
                    reached.events.extend(row.emits);
                }
            }
        }
        if before == (reached.states.len(), reached.events.len()) {
            return reached;
        }
    }
}
