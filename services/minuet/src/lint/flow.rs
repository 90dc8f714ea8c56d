//! Every event goes from somebody to somebody.

use minuet_saga::Expects;

use super::{Rule, Violation};
use crate::dance::{Dance, emits};

pub(super) fn consumed(dance: &Dance) -> Vec<Violation> {
    let mut found = Vec::new();
    for part in &dance.parts {
        let mut wrong = |row: String, problem| {
            found.push(Violation::new(Rule::Consumed, part.service, row, problem));
        };
        for row in part.reactions {
            for &event in row.emits {
                let readers: Vec<&str> = dance.readers(event).collect();
                let at = format!("{} in {}", row.on, row.states.join(", "));
                match (part.expects(event), &readers[..]) {
                    (None, _) => {
                        wrong(at, format!("emits {event}, and does not say what that asks of others"))
                    }
                    (Some(Expects::NextStep | Expects::Compensation), []) => {
                        wrong(at, format!("nobody reacts to {event}"))
                    }
                    (Some(Expects::Nothing), [reader, ..]) => {
                        wrong(at, format!("{event} is to ask nothing of anybody, but {reader} reacts"));
                    }
                    (Some(Expects::NextStep | Expects::Compensation), [..])
                    | (Some(Expects::Nothing), []) => {}
                }
            }
        }
        for (event, _) in part.announces.iter().filter(|(event, _)| !emits(part, *event)) {
            wrong(event.to_string(), "it is said what it asks, but no row emits it".to_owned());
        }
    }
    found
}

pub(super) fn produced(dance: &Dance) -> Vec<Violation> {
    let mut found = Vec::new();
    for part in &dance.parts {
        for row in part.reactions {
            let Some(event) = row.on.event() else { continue };
            if !dance.comes_from_outside(event) && dance.emitters(event).next().is_none() {
                let at = format!("{event} in {}", row.states.join(", "));
                found.push(Violation::new(Rule::Produced, part.service, at, "nobody emits it"));
            }
        }
    }
    found
}
