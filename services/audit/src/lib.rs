//! Reads the topics as evidence: what happened, whether the books balance, what today's code would have done.
//!
//! It promises to change nothing: no consumer group is joined, no offset committed, no event published, and a database
//! is only asked (a rebuild writes, into an empty one that it is given). It needs Kafka and the schema registry, and no
//! service.
//!
//! **From a message to a finding**: `log` chooses the slices of the topics and reads them, several partitions merged in the order
//! of time, so that what belongs together comes close together; `decode` makes a [`record::Record`] of a message, or a
//! [`record::Malformed`] that is counted and stops nothing. What is done with records is a fold over them, pure and tested as such:
//! [`verify`] keeps books and [`timeline`] shows one order's events.
//!
//! **When things fail**: what is damaged is reported with its position, and ends the run only under `--strict`. A broker that
//! goes away for longer than a moment ends it.

mod args;
mod context;
mod csv;
mod decode;
mod error;
mod export;
mod full_message;
mod log;
pub mod participants;
mod progress;
mod rebuild;
pub mod record;
pub mod shadow;
mod summary;
mod tail;
pub mod timeline;
pub mod verify;

use std::io::Write;

pub use args::Command;
use args::Replay;
pub use context::Context;
pub use error::AuditError;
pub use summary::summary;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Holds,
    /// Something does not hold, or differs: the exit status says so.
    Differs,
}

/// Runs a command to its end. Blocks: not for the runtime's threads. Results go to `out`, everything else to stderr.
///
/// # Errors
/// What hinders the reading; what the reading finds is no error.
pub fn run(command: &Command, context: &Context, out: &mut dyn Write) -> Result<Outcome, AuditError> {
    match command {
        Command::Tail(tail) => tail::run(tail, context, out),
        Command::Timeline(timeline) => timeline::run(timeline, context, out),
        Command::Replay(Replay::Shadow(shadow)) => shadow::run(shadow, context, out),
        Command::Replay(Replay::Rebuild(rebuild)) => rebuild::run(rebuild, context, out),
        Command::Replay(Replay::Export(export)) => export::run(export, context, out),
        Command::Verify(verify) => verify::run(verify, context, out),
    }
}
