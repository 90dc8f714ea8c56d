//! The three services: the real decision about a real row, and what the shell around it makes of it.

pub(crate) mod inventory;
pub(crate) mod order;
pub(crate) mod payment;

use minuet_events::{Event, EventType};
use minuet_messaging::dance::Life;
use minuet_messaging::{Part, Trigger};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    Order,
    Inventory,
    Payment,
}

impl Service {
    pub const ALL: [Service; 3] = [Service::Order, Service::Inventory, Service::Payment];

    pub fn part(self) -> &'static Part {
        match self {
            Service::Order => &minuet_order::PART,
            Service::Inventory => &minuet_inventory::PART,
            Service::Payment => &minuet_payment::PART,
        }
    }
}

/// A message as it lies on a topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published {
    pub(crate) id: Uuid,
    pub(crate) event: Event,
}

/// What a service did: its row afterwards, and what it emits, derived from `cause`.
#[derive(Debug)]
pub(crate) struct Done<R> {
    pub(crate) row: R,
    pub(crate) emit: Option<(Uuid, Event)>,
}

/// The state does not take the event: it would be parked.
#[derive(Debug)]
pub(crate) struct Illegal;

/// Whether the table of reactions says that this may follow. A refusal leaves the state as it is.
pub(crate) fn is_listed(
    part: &Part,
    on: Trigger,
    (before, after): (&str, &str),
    emitted: Option<EventType>,
) -> bool {
    part.row(on, before).is_some_and(|row| {
        (before == after || row.becomes.contains(&after))
            && emitted.is_none_or(|event| row.emits.contains(&event))
    })
}

/// Whether a state that the table calls final was left by something else than what may end it.
pub(crate) fn breaks_an_end(part: &Part, on: Trigger, (before, after): (&str, &str)) -> bool {
    before != after
        && part
            .state(before)
            .is_some_and(|state| matches!(state.life, Life::Final { unless } if !unless.contains(&on)))
}
