#![doc = include_str!("../README.md")]
//!
//! # Example
//!
//! The file `examples/checkout.rs`, in full:
//!
//! ```
#![doc = include_str!("../examples/checkout.rs")]
//! ```

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
