//! What payments do in each state (docs/dance.md), as given/when/then, and checked against the table of reactions.

mod charging;
mod properties;
mod reactions;
mod refunding;
mod samples;
mod stopping;
mod story;
mod transitions;
