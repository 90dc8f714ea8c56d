//! A choreographed saga as data.
//!
//! In a choreographed saga no orchestrator gives orders: each service reacts to events according to its own state of the
//! saga, and emits the next event or a compensating one. Each service writes its reactions down as a table, a
//! [`Participant`]: on which trigger, in which state, it goes to which state and emits which event. The table is `const`
//! data over the kinds of event of a contract ([`EventKind`]), so the compiler checks its event names.
//!
//! [`conformance`] holds a table against the code of its service, in that service's own tests.

#![warn(missing_docs)]

pub mod choreography;
pub mod conformance;
pub mod lint;
pub mod page;
mod saga;

pub use choreography::{
    ANY, Expects, Impossible, Participant, Reaction, State, StateKind, Trigger, impossible, transition,
};
pub use minuet_envelope::EventKind;
pub use saga::{Saga, Schema, Topic};
