//! The dance as data: what one service does on what, in which state. Routing, `docs/dance.md`, `minuet lint` and the model
//! check read it; the tests of each service hold it against what is decided ([`agreement`]).

pub mod agreement;

use std::fmt;

use minuet_events::EventType;

/// One service's part of the dance. A pair of a state and a trigger that a row names has exactly one row, or is
/// declared impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The consumer group, and the producer in `topics.yaml`.
    pub service: &'static str,
    pub states: &'static [State],
    pub reactions: &'static [Reaction],
    pub impossible: &'static [Impossible],
    /// What each event that is emitted asks of whoever reads it.
    pub tells: &'static [(EventType, Asks)],
}

/// A row: in one of these states, this leads to one of those states and emits one of those events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub on: Trigger,
    /// States in which the row applies, or [`ANY`].
    pub states: &'static [&'static str],
    /// States that may follow, the usual one first. Empty: the state stays.
    pub becomes: &'static [&'static str],
    /// What may be emitted, the usual one first: every event here is one alternative. Empty: nothing.
    pub emits: &'static [EventType],
}

/// States of a row that has nothing to do with an order's state, and changes none.
pub const ANY: &[&str] = &["any"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    Event(EventType),
    /// Time has passed. The sweeper sees to it, so it always comes.
    Time(&'static str),
    /// An answer of the payment provider, which is asked until it answers.
    Provider(&'static str),
}

/// In none of these states can any of these happen. An event that comes all the same is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impossible {
    pub on: &'static [Trigger],
    pub states: &'static [&'static str],
    pub because: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// As the domain names it.
    pub name: &'static str,
    pub life: Life,
    /// What an order in this state keeps until it is told to give it back.
    pub keeps: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// No row yet.
    Initial,
    /// Nothing stays here: one of these always comes, whatever the other services do.
    Open { ended_by: &'static [Trigger] },
    /// An order may stay here for good. These are the only ones that it may leave by.
    Final { unless: &'static [Trigger] },
}

/// What an event asks of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Somebody takes the next step.
    GoOn,
    /// Whoever keeps something for the order gives it back.
    Undo,
    /// Nothing: nobody has to react.
    Nothing,
}

/// A row, on one line where it fits.
pub const fn row(
    on: Trigger,
    states: &'static [&'static str],
    becomes: &'static [&'static str],
    emits: &'static [EventType],
) -> Reaction {
    Reaction { on, states, becomes, emits }
}

pub const fn never(
    on: &'static [Trigger],
    states: &'static [&'static str],
    because: &'static str,
) -> Impossible {
    Impossible { on, states, because }
}

impl State {
    pub const fn initial(name: &'static str) -> State {
        State { name, life: Life::Initial, keeps: None }
    }

    pub const fn open(name: &'static str, ended_by: &'static [Trigger]) -> State {
        State { name, life: Life::Open { ended_by }, keeps: None }
    }

    pub const fn last(name: &'static str, unless: &'static [Trigger]) -> State {
        State { name, life: Life::Final { unless }, keeps: None }
    }

    pub const fn keeps(self, what: &'static str) -> State {
        State { keeps: Some(what), ..self }
    }
}

impl Part {
    pub fn state(&self, name: &str) -> Option<&'static State> {
        self.states.iter().find(|state| state.name == name)
    }

    pub fn asks(&self, event: EventType) -> Option<Asks> {
        self.tells.iter().find(|(told, _)| *told == event).map(|(_, asks)| *asks)
    }

    /// The row for a state, if there is one.
    pub fn row(&self, on: Trigger, state: &str) -> Option<&'static Reaction> {
        self.reactions.iter().find(|row| row.on == on && row.applies(state))
    }

    pub fn is_impossible(&self, on: Trigger, state: &str) -> bool {
        self.impossible.iter().any(|never| never.on.contains(&on) && never.states.contains(&state))
    }
}

impl Reaction {
    pub fn applies(&self, state: &str) -> bool {
        self.states == ANY || self.states.contains(&state)
    }

    /// What may follow in a state: the state itself, where none is named.
    pub fn after<'a>(&'a self, state: &'a str) -> impl Iterator<Item = &'a str> {
        let stays = self.becomes.is_empty().then_some(state);
        self.becomes.iter().copied().chain(stays)
    }
}

impl Trigger {
    pub const fn event(self) -> Option<EventType> {
        match self {
            Trigger::Event(event) => Some(event),
            Trigger::Time(_) | Trigger::Provider(_) => None,
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Event(event) => event.fmt(f),
            Trigger::Time(name) => write!(f, "time: {name}"),
            Trigger::Provider(answer) => write!(f, "provider: {answer}"),
        }
    }
}
