//! The three services: the real decision about a real row, and what the shell around it makes of it.

pub(crate) mod inventory;
pub(crate) mod order;
pub(crate) mod payment;

use minuet_events::values::Micros;
use minuet_events::{Codec, Event, EventType};
use minuet_messaging::{Decided, Fold};
use minuet_saga::{Participant, StateKind, Trigger};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    Order,
    Inventory,
    Payment,
}

impl Service {
    pub const ALL: [Service; 3] = [Service::Order, Service::Inventory, Service::Payment];

    pub fn participant(self) -> &'static Participant<EventType> {
        match self {
            Service::Order => &minuet_order::PARTICIPANT,
            Service::Inventory => &minuet_inventory::PARTICIPANT,
            Service::Payment => &minuet_payment::PARTICIPANT,
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

/// The message would be parked: its state does not take the event, or does not allow the change that was decided.
#[derive(Debug, thiserror::Error)]
#[error("parked")]
pub(crate) struct Parked;

/// The fold that the services' transactions use, at the model's only time.
pub(crate) fn fold() -> Fold<Codec> {
    Fold::new("/model".into(), Micros(0))
}

/// A decision as the services' fold takes it. `None`: a no-op.
pub(crate) fn folded<D: Decided>(decision: Result<D, Parked>) -> Result<Option<D>, Parked> {
    let mut fold = fold();
    match fold.decided(0, decision) {
        Some(decision) => Ok(Some(decision)),
        None if fold.handled(()).illegal.is_empty() => Ok(None),
        None => Err(Parked),
    }
}

/// For `map_err`: whichever service says so, and why, is all the same here.
pub(crate) fn parked<E>(_: E) -> Parked {
    Parked
}

/// Whether the table of reactions says that this may follow. A refusal leaves the state as it is.
pub(crate) fn is_listed(
    participant: &Participant<EventType>,
    on: Trigger<EventType>,
    (before, after): (&str, &str),
    emitted: Option<EventType>,
) -> bool {
    participant.transition(on, before).is_some_and(|row| {
        (before == after || row.becomes.contains(&after))
            && emitted.is_none_or(|event| row.emits.contains(&event))
    })
}

/// Whether a state that the table calls terminal was left by something else than what may end it.
pub(crate) fn breaks_an_end(
    participant: &Participant<EventType>,
    on: Trigger<EventType>,
    (before, after): (&str, &str),
) -> bool {
    before != after
        && participant.state(before).is_some_and(
            |state| matches!(state.kind, StateKind::Terminal { unless } if !unless.contains(&on)),
        )
}
