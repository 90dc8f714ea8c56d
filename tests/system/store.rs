//! Each service's store against the pure decisions, on real PostgreSQL: whatever batches of whatever events it takes, the
//! rows and the events that it leaves are those of deciding one event after the other in memory.

mod events;
mod forgetting;
mod harness;
mod hops;
mod inventory;
mod order;
mod parking;
mod payment;
mod plans;
mod races;
mod script;
mod upgrading;
