//! What may come about at all, whatever the order of events. It forgets which states stand together, so it finds too much
//! rather than too little.

use std::collections::BTreeSet;

use minuet_events::EventType;
use minuet_saga::ANY;
use minuet_saga::Trigger;

use crate::dance::{Dance, initial};

#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) states: BTreeSet<(&'static str, &'static str)>,
    pub(super) events: BTreeSet<EventType>,
}

/// `still`: a service that has not begun, and what can happen as long as it has not.
pub(super) fn reach(dance: &Dance, still: Option<&str>) -> Reached {
    let mut reached = Reached {
        states: dance.parts.iter().filter_map(|part| Some((part.service, initial(part)?))).collect(),
        events: EventType::ALL.iter().copied().filter(|event| dance.comes_from_outside(*event)).collect(),
    };
    loop {
        let before = (reached.states.len(), reached.events.len());
        for part in &dance.parts {
            for row in part.reactions {
                let comes = match row.on {
                    Trigger::Event(event) => reached.events.contains(&event),
                    Trigger::Time(_) | Trigger::Provider(_) => true,
                };
                let applies = |state: &str| reached.states.contains(&(part.service, state));
                let is_still = still == Some(part.service) && !row.becomes.is_empty();
                if comes && !is_still && (row.states == ANY || row.states.iter().any(|state| applies(state)))
                {
                    reached.states.extend(row.becomes.iter().map(|state| (part.service, *state)));
                    reached.events.extend(row.emits);
                }
            }
        }
        if before == (reached.states.len(), reached.events.len()) {
            return reached;
        }
    }
}
