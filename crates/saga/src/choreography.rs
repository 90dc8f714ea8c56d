//! The reaction table of one service: on which trigger, in which state, it goes to which state and emits which event.

use std::fmt;

use minuet_envelope::EventKind;

/// One service of the saga. Each pair of a state and a trigger of the table has exactly one row, or is declared impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Participant<K: 'static> {
    /// The service's name: its consumer group, and how topic declarations name it.
    pub service: &'static str,
    /// Every state that the service keeps of one saga.
    pub states: &'static [State<K>],
    /// The rows.
    pub reactions: &'static [Reaction<K>],
    /// The pairs that have no row, with the reason.
    pub impossible: &'static [Impossible<K>],
    /// Each event that the service emits, and what the event expects of its readers.
    pub announces: &'static [(K, Expects)],
}

/// A row: in one of these states, the trigger leads to one of those states and emits one of those events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction<K: 'static> {
    /// What happens.
    pub on: Trigger<K>,
    /// The states in which the row applies, or [`ANY`].
    pub states: &'static [&'static str],
    /// The states that may follow, the usual one first. Empty: the state stays.
    pub becomes: &'static [&'static str],
    /// The events that may be emitted, one at a time, the usual one first. Empty: none.
    pub emits: &'static [K],
}

/// The states of a row that neither depends on the state nor changes it.
pub const ANY: &[&str] = &["any"];

/// What a service reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger<K> {
    /// An event. Nothing guarantees that it ever arrives.
    Event(K),
    /// A deadline has passed. A sweeper looks for it, so it always comes.
    Time(&'static str),
    /// An answer of an external provider. The service asks until there is one, so it always comes.
    Provider(&'static str),
}

/// In none of these states can any of these triggers happen. An event that arrives nevertheless is illegal: the service
/// sets it aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impossible<K: 'static> {
    /// The triggers.
    pub on: &'static [Trigger<K>],
    /// The states.
    pub states: &'static [&'static str],
    /// The reason, for the reader.
    pub because: &'static str,
}

/// A state that a service keeps of one saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<K: 'static> {
    /// The domain's name of the state.
    pub name: &'static str,
    /// Where in the saga's life the state stands.
    pub kind: StateKind<K>,
    /// The resource that the service holds for the saga in this state, until a compensation gives it back.
    pub holds: Option<&'static str>,
}

/// Where in a saga's life a state stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind<K: 'static> {
    /// The service has seen nothing of the saga yet.
    Initial,
    /// The saga leaves this state.
    Open {
        /// The triggers that end the state. One of them always comes, whatever the other services do.
        ended_by: &'static [Trigger<K>],
    },
    /// The saga may stay in this state for ever.
    Terminal {
        /// The only triggers that change the state.
        unless: &'static [Trigger<K>],
    },
}

/// What an event expects of its readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// A service takes the next step.
    NextStep,
    /// Each service that holds something for the saga gives it back.
    Compensation,
    /// No service has to react.
    Nothing,
}

/// A row of a table.
pub const fn transition<K>(
    on: Trigger<K>,
    states: &'static [&'static str],
    becomes: &'static [&'static str],
    emits: &'static [K],
) -> Reaction<K> {
    Reaction { on, states, becomes, emits }
}

/// A declaration that these triggers cannot happen in these states.
pub const fn impossible<K>(
    on: &'static [Trigger<K>],
    states: &'static [&'static str],
    because: &'static str,
) -> Impossible<K> {
    Impossible { on, states, because }
}

impl<K> State<K> {
    /// The state before the service has seen anything of the saga.
    pub const fn initial(name: &'static str) -> State<K> {
        State { name, kind: StateKind::Initial, holds: None }
    }

    /// A state that one of these triggers ends.
    pub const fn open(name: &'static str, ended_by: &'static [Trigger<K>]) -> State<K> {
        State { name, kind: StateKind::Open { ended_by }, holds: None }
    }

    /// A state in which the saga may stay for ever. Only these triggers change it.
    pub const fn terminal(name: &'static str, unless: &'static [Trigger<K>]) -> State<K> {
        State { name, kind: StateKind::Terminal { unless }, holds: None }
    }

    /// The same state, in which the service holds a resource.
    pub const fn holds(self, resource: &'static str) -> State<K> {
        State { name: self.name, kind: self.kind, holds: Some(resource) }
    }
}

impl<K: EventKind> Participant<K> {
    /// The state of this name.
    pub fn state(&self, name: &str) -> Option<&'static State<K>> {
        self.states.iter().find(|state| state.name == name)
    }

    /// The state in which the service has seen nothing of a saga.
    pub fn initial(&self) -> Option<&'static str> {
        self.states.iter().find(|state| state.kind == StateKind::Initial).map(|state| state.name)
    }

    /// What an event of this service expects of its readers. `None`: the service does not announce the event.
    pub fn expects(&self, event: K) -> Option<Expects> {
        self.announces.iter().find(|(announced, _)| *announced == event).map(|(_, expects)| *expects)
    }

    /// The row of a trigger in a state.
    pub fn transition(&self, on: Trigger<K>, state: &str) -> Option<&'static Reaction<K>> {
        self.reactions.iter().find(|row| row.on == on && row.applies(state))
    }

    /// Whether the trigger is declared impossible in the state.
    pub fn is_impossible(&self, on: Trigger<K>, state: &str) -> bool {
        self.impossible.iter().any(|pair| pair.on.contains(&on) && pair.states.contains(&state))
    }

    /// The events that the service reacts to, each once.
    pub fn consumed(&self) -> Vec<K> {
        let mut kinds: Vec<K> = self.reactions.iter().filter_map(|row| row.on.event()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Whether the service reacts to the event.
    pub fn consumes(&self, event: K) -> bool {
        self.reactions.iter().any(|row| row.on == Trigger::Event(event))
    }

    /// Whether a row of the service emits the event.
    pub fn emits(&self, event: K) -> bool {
        self.reactions.iter().any(|row| row.emits.contains(&event))
    }
}

impl<K> Reaction<K> {
    /// Whether the row applies in a state.
    pub fn applies(&self, state: &str) -> bool {
        self.states == ANY || self.states.contains(&state)
    }

    /// The states that may follow a state: the state itself, if the row names none.
    pub fn after<'a>(&self, state: &'a str) -> impl Iterator<Item = &'a str> + use<'a, K> {
        let stays = self.becomes.is_empty().then_some(state);
        self.becomes.iter().copied().chain(stays)
    }
}

impl<K: Copy> Trigger<K> {
    /// The event, unless the trigger is another one.
    pub const fn event(self) -> Option<K> {
        match self {
            Trigger::Event(event) => Some(event),
            Trigger::Time(_) | Trigger::Provider(_) => None,
        }
    }
}

impl<K: fmt::Display> fmt::Display for Trigger<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Event(event) => event.fmt(f),
            Trigger::Time(name) => write!(f, "time: {name}"),
            Trigger::Provider(answer) => write!(f, "provider: {answer}"),
        }
    }
}
