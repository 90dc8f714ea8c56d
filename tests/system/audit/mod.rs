//! The audit over what real services have written to a real broker.

mod day;
mod follow;
mod odd;
mod replay;
mod tail;
mod timeline;

use minuet_tests::{Done, Folder, World};

use crate::cli::tool;

/// `minuet audit ...`, to its end.
async fn audit(folder: &Folder, world: &World, arguments: &[&str]) -> Done {
    let arguments: Vec<&str> = ["audit"].iter().chain(arguments).copied().collect();
    tool(folder, world, &arguments).await.run().await
}
