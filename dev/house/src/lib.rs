//! Rules about the source itself, which no compiler checks: which package may name which, no import circle among the modules of
//! a crate, no citation of something that is not there, a section for each alert,
//! one convention of log lines, no `*` for columns in SQL.
//!
//! The rules read the files of the checkout. They need no server and no built program, so `make check` runs them. Each rule
//! is a function from text to findings; `tests/house.rs` applies all of them to this repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a check fails by panicking"
)]

mod circles;
mod dependencies;
mod files;
mod links;
mod logs;
mod modules;
mod runbooks;
mod statements;
mod tokens;

pub use circles::{Circle, circles};
pub use dependencies::forbidden_dependencies;
pub use files::{crates, repository, source};
pub use links::{Dangling, dangling};
pub use logs::{declared_fields, log_mistakes};
pub use runbooks::{runbook_mistakes, unknown_log_lines};
pub use statements::unnamed_columns;
