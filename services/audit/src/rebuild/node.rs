//! What a replay does at one moment.

use minuet_events::values::{Micros, OrderId};

use crate::record::{Position, Record};

/// An action, and its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    pub(super) time: Micros,
    pub(super) step: Action<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action<'a> {
    /// The message at this place comes in.
    Input { position: Position, outcome: Option<&'a Record> },
    /// Time passes, or the provider answers.
    Spontaneous { order: OrderId, outcome: &'a Record },
}

impl<'a> Action<'a> {
    pub(super) fn outcome(&self) -> Option<&'a Record> {
        match self {
            Action::Input { outcome, .. } => *outcome,
            Action::Spontaneous { outcome, .. } => Some(outcome),
        }
    }
}
