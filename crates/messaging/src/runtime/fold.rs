//! Collects the decisions of one transaction: for each event no-op, illegal or applied, and the resulting events.

use std::fmt::Display;
use std::sync::Arc;

use minuet_envelope::{Contract, Micros, TraceContext};

use super::handler::{Handled, IllegalEvent};
use crate::store::outbox_event::{Cause, OutboxEvent};
use crate::store::versioned::Versioned;

/// A decision of a domain.
pub trait Decided {
    /// Whether the decision changes nothing and emits nothing.
    fn is_no_op(&self) -> bool;
}

/// Gathers the decisions of one transaction. Pure: the service loads before and writes after.
///
/// ```
/// use minuet_messaging::{Decided, Fold};
/// use minuet_envelope::{Micros, TraceContext};
/// use minuet_messaging::{Cause, Versioned};
/// # use minuet_envelope::{Contract, DecodeError, EncodeError, EventKind};
/// # #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
/// # struct AddedKind;
/// # impl EventKind for AddedKind {
/// #     const ALL: &'static [Self] = &[AddedKind];
/// #     fn name(self) -> &'static str { "Added" }
/// #     fn record_name(self) -> &'static str { "numbers.Added" }
/// #     fn ce_type(self) -> &'static str { "numbers.Added.v1" }
/// # }
/// # impl std::fmt::Display for AddedKind {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("Added") }
/// # }
/// # #[derive(Clone, Debug, PartialEq, serde::Serialize)]
/// # struct Added(u32);
/// # #[derive(Clone, Debug)]
/// # struct Numbers;
/// # impl Contract for Numbers {
/// #     type Kind = AddedKind;
/// #     type Event = Added;
/// #     fn kind(_: &Added) -> AddedKind { AddedKind }
/// #     fn key(event: &Added) -> String { event.0.to_string() }
/// #     fn encode(&self, event: &Added) -> Result<Vec<u8>, EncodeError> { Ok(event.0.to_string().into()) }
/// #     fn decode(&self, _: &[u8]) -> Result<Added, DecodeError> { Err(DecodeError::Empty) }
/// # }
///
/// #[derive(Debug)]
/// struct Decision(Option<Added>);
///
/// impl Decided for Decision {
///     fn is_no_op(&self) -> bool {
///         self.0.is_none()
///     }
/// }
///
/// let now = Micros::from_millis(0);
/// let mut fold = Fold::<Numbers>::new("/numbers".into(), now);
/// let mut row = Versioned::new(now);
/// let decisions = [Ok(Decision(Some(Added(7)))), Ok(Decision(None)), Err("7 is odd")];
/// for (index, decision) in decisions.into_iter().enumerate() {
///     let Some(Decision(Some(event))) = fold.decided(index, decision) else { continue };
///     row.advance(now);
///     let cause = Cause { id: uuid::Uuid::nil(), time: now };
///     fold.emit(&mut row, cause, &TraceContext::root(1, 1, false), event);
/// }
/// let handled = fold.handled(());
/// assert_eq!((handled.applied, handled.no_ops), (vec![0], 1));
/// assert_eq!(handled.illegal[0].detail, "7 is odd");
/// assert_eq!(handled.events[0].envelope.sequence, Some(1));
/// ```
pub struct Fold<C: Contract> {
    source: Arc<str>,
    now: Micros,
    handled: Handled<C, ()>,
}

impl<C: Contract> Fold<C> {
    /// `source`: the `ce_source` of the events; `now`: their `ce_time`.
    pub fn new(source: Arc<str>, now: Micros) -> Self {
        Fold { source, now, handled: Handled::nothing(()) }
    }

    /// Records the decision about the event at this index of the batch. `None`: it is a no-op, or it is illegal and
    /// will be parked.
    pub fn decided<D: Decided, E: Display>(&mut self, index: usize, decision: Result<D, E>) -> Option<D> {
        match decision {
            Ok(decision) if decision.is_no_op() => {
                self.no_op();
                None
            }
            Ok(decision) => {
                self.applied(index);
                Some(decision)
            }
            Err(illegal) => {
                self.handled.illegal.push(IllegalEvent { index, detail: illegal.to_string() });
                None
            }
        }
    }

    /// The event at this index of the batch changed something.
    pub fn applied(&mut self, index: usize) {
        self.handled.applied.push(index);
    }

    /// Counts an event without effect.
    pub fn no_op(&mut self) {
        self.handled.no_ops += 1;
    }

    /// Emits an event of the row's aggregate under the next `ce_sequence`.
    pub fn emit(&mut self, row: &mut Versioned, cause: Cause, trace: &TraceContext, event: C::Event) {
        let sequence = row.next_sequence(self.now);
        self.emit_as(Some(sequence), cause, trace, event);
    }

    /// Emits an event under a sequence that the service counts itself. `None`: the event is about an aggregate that has no row.
    pub fn emit_as(&mut self, sequence: Option<i64>, cause: Cause, trace: &TraceContext, event: C::Event) {
        let event = OutboxEvent::caused_by(cause, &self.source, event, 0, self.now, sequence, trace);
        self.handled.events.push(event);
    }

    /// The events emitted so far.
    pub fn events(&self) -> &[OutboxEvent<C>] {
        &self.handled.events
    }

    /// The result for the batch. `after`: the service's work for after the commit.
    pub fn handled<A>(self, after: A) -> Handled<C, A> {
        let Handled { events, illegal, applied, no_ops, writes, after: () } = self.handled;
        Handled { events, illegal, applied, no_ops, writes, after }
    }
}
