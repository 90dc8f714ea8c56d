//! The program itself, as a process: what it prints, what it sends, and how it ends.

mod failing;
mod installation;
mod load;
mod processes;
mod produce;
mod secrets;
mod settings;
mod topics;
mod up;

use minuet_tests::{Folder, Minuet, World, stack};

/// A tool, pointed to a test's own installation by flags alone.
pub(crate) async fn tool(folder: &Folder, world: &World, arguments: &[&str]) -> Minuet {
    let partitions = format!("topics.partitions={}", world.options.partitions);
    let stack = stack().await;
    let place = ["-b", stack.kafka(), "--registry-url", stack.registry(), "--topic-prefix", &world.prefix];
    folder.minuet(arguments.iter().chain(&place).chain(&["--set", &partitions]))
}
