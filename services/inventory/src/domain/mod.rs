//! Stock, and what orders hold of it. Pure: no I/O, no clock, no randomness.
#![deny(clippy::disallowed_methods)]
#![warn(clippy::wildcard_enum_match_arm)]

mod adjust;
mod allocate;
mod decide;
mod input;
mod state;
#[cfg(test)]
mod tests;

pub use adjust::{Adjusted, adjust};
pub use allocate::allocate;
pub use decide::{Decision, Illegal, decide};
pub use input::Input;
pub use state::{
    Change, Held, HeldLine, InvalidTransition, Level, Move, Reservation, ReservationState, Stock, shift,
};
