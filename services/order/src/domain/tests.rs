//! What orders do in each state (docs/dance.md), as given/when/then, and checked against the table of reactions.

mod cancelling;
mod crossings;
mod pricing;
mod properties;
mod reactions;
mod samples;
mod story;
mod transitions;
