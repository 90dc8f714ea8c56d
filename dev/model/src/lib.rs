//! The proof that every dance ends, and that stock and money balance when it does: a model check of the real decisions.
//!
//! **What is real.** `decide`, `after`, `allocate`, `adjust`, `price` and `shift` of the three services, the ids that
//! events are derived under, who reads what (each service's [`Participant`](minuet_saga::Participant) and `topics.yaml`), and which
//! states are final. Nothing of it is written again here.
//!
//! **What is modelled** is what lies between them: topics that are in order by themselves and not among each other, an
//! inbox per service, transactions that happen or do not, and a provider that acts once under one key (`step.rs`); and the
//! causes that the rows keep (`service/`).
//!
//! **What happens, in every order** (`action.rs`): a service receives the next message of a topic. The provider captures,
//! declines, refunds, or gives no answer. Any message that was received comes once more, at any time: that is what a
//! stale offset, a relay that publishes again and a rebalance look like from inside. A process dies before or after any
//! commit, or while it waits for the provider: what only it knew is forgotten, a request that has left it may still
//! arrive. Reservations expire, deadlines pass, clocks differ, users cancel, strangers try to, refunds are asked for,
//! stock is counted, a user orders at a price that has changed. A repetition or a crash that changes nothing needs no bound: there may be any number.
//!
//! **What holds** (`properties.rs`), in every state and, as safety, in every state at rest: one in which nothing but faults
//! and wishes can happen. Neither expiry nor deadline is ever needed to get there. That rest is reached is a property too:
//! each step that is no fault gains ground, of which there is an end.
//!
//! **That it can fail** is shown by planting bugs ([`Bug`]) around the real decisions: `tests/bugs.rs`.

mod action;
mod actors;
mod bug;
mod cases;
mod check;
mod counterexample;
mod decisions;
mod environment;
mod explore;
mod properties;
mod routes;
mod service;
mod settings;
mod state;
mod step;
mod table;
mod world;

pub use bug::Bug;
pub use cases::Cell;
pub use check::{Report, check, shortest};
pub use counterexample::Counterexample;
pub use routes::RouteError;
pub use service::Service;
pub use settings::{LARGE, ONE, PLANTED, PRICE, TWO};
pub use state::SHELVES;
pub use world::{Allowed, Setting, World, WorldError};
