//! Each event has an emitter, and the readers that it expects.

use minuet_envelope::EventKind;

use super::{Rule, Violation, name_of};
use crate::choreography::Expects;
use crate::saga::Saga;

pub(super) fn consumed<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let mut found = Vec::new();
    for participant in &saga.participants {
        let mut wrong = |subject: String, problem| {
            found.push(Violation::new(Rule::Consumed, participant.service, subject, problem));
        };
        for row in participant.reactions {
            for &event in row.emits {
                match (participant.expects(event), saga.readers(event).next()) {
                    (None, _) => wrong(name_of(row), format!("emits {event}, but does not announce it")),
                    (Some(Expects::NextStep | Expects::Compensation), None) => {
                        wrong(name_of(row), format!("no service reacts to {event}"));
                    }
                    (Some(Expects::Nothing), Some(reader)) => {
                        wrong(name_of(row), format!("{event} expects nothing, but {reader} reacts to it"));
                    }
                    (Some(Expects::NextStep | Expects::Compensation), Some(_))
                    | (Some(Expects::Nothing), None) => {}
                }
            }
        }
        for (event, _) in participant.announces.iter().filter(|(event, _)| !participant.emits(*event)) {
            wrong(event.to_string(), "is announced, but no row emits it".to_owned());
        }
    }
    found
}

pub(super) fn produced<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let mut found = Vec::new();
    for participant in &saga.participants {
        for row in participant.reactions {
            let Some(event) = row.on.event() else { continue };
            if !saga.comes_from_outside(event) && saga.emitters(event).next().is_none() {
                let problem = "no service emits the event, and it does not come from outside";
                found.push(Violation::new(Rule::Produced, participant.service, name_of(row), problem));
            }
        }
    }
    found
}
