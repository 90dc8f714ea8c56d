//! The crash kit: the four services as processes under a seeded load in all variants, while something is killed, cut or held
//! up. Whatever it was, the end is the same ([`rest`]): nothing that was acknowledged is lost, every order is at its end,
//! the books balance with the provider's own, no key is out of order, nothing is parked.
//!
//! What is quick, or tells most, runs with the other tests; `make chaos` runs it all and prints a table.
//! `CHAOS_ONLY=payment` (or a point's name) runs a part, `CHAOS_ORDERS=20` a smaller load.

mod all;
mod backlog;
mod brokers;
mod compaction;
mod holes;
mod instances;
mod load;
mod memory;
mod outages;
mod points;
pub(crate) mod proxy;
mod random;
mod rest;
pub(crate) mod shop;
mod table;

/// How many orders a run has.
fn orders() -> usize {
    std::env::var("CHAOS_ORDERS").map_or(200, |orders| orders.parse().unwrap())
}

/// Whether a run of this name is wanted, of this service or of all.
fn is_wanted(run: &str, service: &str) -> bool {
    std::env::var("CHAOS_ONLY").map_or(true, |only| only == run || only == service)
}
