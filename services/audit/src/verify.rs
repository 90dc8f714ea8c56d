//! `audit verify`: the books, from the topics alone.

mod account;
mod adjustments;
mod books;
mod findings;
mod sequence;
mod shelves;

pub use books::{Books, Counts, Money, Open, Rules};
pub use findings::{Check, Findings, Violation};
pub use shelves::Level;
