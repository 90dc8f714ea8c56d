//! `audit verify`: the books, from the topics alone.

mod account;
mod adjustments;
mod books;
mod counts;
mod databases;
mod expected;
mod findings;
mod follow;
mod ids;
mod keeping;
mod metrics;
mod products;
mod report;
mod run;
mod sequence;
mod snapshot;
mod stock_levels;
mod tables;

pub use books::{Books, Money, Open, Rules};
pub use counts::Counts;
pub use findings::{Check, Findings, Violation};
pub(crate) use run::run;
pub use stock_levels::Level;
