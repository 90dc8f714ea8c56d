//! What an order is and how it moves. Pure: no I/O, no clock, no randomness.
#![deny(clippy::disallowed_methods)]
#![warn(clippy::wildcard_enum_match_arm)]

mod decide;
mod input;
mod pricing;
mod product_version;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{Decision, Illegal, decide};
pub use input::Input;
pub use pricing::{Product, Products, price};
pub use product_version::ProductVersion;
pub use state::{
    Change, EarlyCancellation, InvalidTransition, MAX_EARLY_CANCELLATIONS, MAX_EARLY_REASON_CHARS, Order,
    OrderState, Placed,
};
