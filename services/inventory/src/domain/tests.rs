//! What reservations do in each state (docs/dance.md), as given/when/then, and checked against the table of reactions;
//! and how stock is allocated, moved and adjusted.

mod adjusting;
mod allocating;
mod books;
mod crossings;
mod properties;
mod reactions;
mod samples;
mod story;
mod transitions;
