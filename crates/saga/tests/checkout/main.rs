//! The example's saga keeps every rule. With one mistake it breaks the rule that is about it.

#[allow(dead_code, reason = "the example's main runs as a doctest of the crate")]
#[path = "../../examples/checkout.rs"]
mod checkout;

mod conformance;
mod lint;
mod page;

use minuet_saga::{Participant, Reaction};

use checkout::Kind;

/// Tables are `'static` data of a program, so a test leaks its own.
fn with_rows(
    participant: &Participant<Kind>,
    change: impl FnOnce(&mut Vec<Reaction<Kind>>),
) -> Participant<Kind> {
    let mut rows = participant.reactions.to_vec();
    change(&mut rows);
    Participant { reactions: rows.leak(), ..*participant }
}
