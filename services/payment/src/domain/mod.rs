//! What a payment is and how it moves. Pure: no I/O, no clock, no randomness.
#![deny(clippy::disallowed_methods)]
#![warn(clippy::wildcard_enum_match_arm)]

mod decide;
mod input;
mod standing;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{Decision, Illegal, decide, in_time, too_late};
pub use input::{Input, InputKind, StopCause};
pub use standing::{Action, Dispute, ProviderReference, Standing};
pub use state::{Answer, Change, Charge, InvalidTransition, Payment, PaymentState, Refund};
